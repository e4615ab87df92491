-- A small interpreter at work: binary trees, tables that grow, strings that are joined and taken apart. All its memory comes from
-- realloc and free.
--
-- usage: churn.lua ROUNDS

local rounds = tonumber(arg[1])

local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end

local function count(node)
  if not node[1] then return 1 end
  return 1 + count(node[1]) + count(node[2])
end

local kept, nodes, characters = tree(14), 0, 0
for round = 1, rounds do
  nodes = nodes + count(tree(4 + round % 8))
  local words = {}
  for i = 1, 150 do
    words[#words + 1] = string.format("%x-%s", round * i, string.rep("y", i % 30))
  end
  local line = table.concat(words, " ")
  local index = {}
  for word in line:gmatch("%S+") do
    local key = word:sub(1, 3)
    index[key] = index[key] or {}
    table.insert(index[key], word:upper())
  end
  characters = characters + #line:gsub("y+", "zz")
end
print(rounds .. " rounds", nodes + count(kept) .. " nodes", characters .. " characters")
