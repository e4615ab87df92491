# Makes a repository with COMMITS commits, packs it, reads it in every way, and prints what does not depend on when and where.
#
#   sh repository.sh DIRECTORY COMMITS
set -eu
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.com
export GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
commits=$2
git init -q -b main "$1/repository"
cd "$1/repository"

commit() {
    GIT_AUTHOR_DATE="$((1600000000 + $1 * 60)) +0000" GIT_COMMITTER_DATE="$((1600000000 + $1 * 61)) +0000"
    export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
    seq "$1" 7 "$(($1 + 2000))" >"file$(($1 % 13))"
    mkdir -p "deep/$(($1 % 5))/deeper"
    seq "$(($1 * 3))" "$(($1 * 3 + 400))" | sed 's/^/line of words number /' >"deep/$(($1 % 5))/deeper/words$(($1 % 3))"
    git add -A
    git commit -q -m "commit $1"
}

number=0
while [ "$number" -lt "$commits" ]; do
    number=$((number + 1))
    commit "$number"
    if [ $((number % 20)) -eq 0 ]; then
        git checkout -q -b "side$number" HEAD~3
        seq "$number" >"side$number"
        git add -A
        git commit -q -m "side $number"
        git checkout -q main
        git merge -q -m "merge $number" "side$number"
    fi
done
git gc -q --aggressive --prune=now
git fsck --full --strict --no-progress
git rev-parse HEAD
git log -p --stat | sha256sum
git log --graph --oneline | sha256sum
git diff --word-diff HEAD~10 | sha256sum
git blame --porcelain deep/1/deeper/words1 | sha256sum
git repack -q -a -d -f --window=50
git clone -q --no-local . ../clone
git -C ../clone fsck --full --no-progress
git -C ../clone rev-list --objects --all | sort | sha256sum
git grep -c "number 1" | sha256sum
git archive HEAD | sha256sum
