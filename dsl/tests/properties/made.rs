//! Files of the grammar, made by decisions that somebody else takes: each byte is one.

/// Words of the language, and names.
pub(crate) const WORDS: &[&str] = &[
    "mcrx",
    "program",
    "from",
    "to",
    "import",
    "hook",
    "pool",
    "wrapper",
    "site",
    "field",
    "pointer",
    "variant",
    "of",
    "slab",
    "scratch",
    "module",
    "pin",
    "container",
    "handle",
    "fd",
    "type",
    "global",
    "keep",
    "old",
    "new",
    "drop",
    "reset",
    "function",
    "string",
    "for",
    "each",
    "where",
    "drain",
    "within",
    "call",
    "after",
    "transfer",
    "adapter",
    "assert",
    "every",
    "define",
    "down",
    "todo",
    "quiesce",
    "at",
    "in",
    "role",
    "frame",
    "image",
    "bind",
    "enter",
    "mute",
    "opaque",
    "wait",
    "allow",
    "because",
    "test",
    "given",
    "expect",
    "fail",
    "insert",
    "into",
    "via",
    "match",
    "bytes",
    "retained",
    "declared",
    "tagged",
    "infer",
    "stride",
    "by_module",
    "as",
    "end",
    "else",
    "sizeof",
    "true",
    "null",
    "zero",
    "struct",
    "unsigned",
    "long",
    "_",
    "conn",
    "x",
    "a",
    "MCX101",
    "pages",
    "element",
    "elements",
    "1",
    "0x1f",
    "5s",
    "'a'",
    "\"text\"",
];

/// Operators, brackets, and what is none.
pub(crate) const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "%", "&", "|", "^", "~", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "&&", "||",
    "!", "?", ":", ".", "..", ",", ";", "=", "->", "=>", "@", "(", ")", "[", "]", "{", "}", "\"", "'", "#",
    "\\", "/*",
];

/// Names that are words of the language too: members and types may be called so.
const NAMES: &[&str] = &[
    "conn",
    "next",
    "a",
    "very_long_name_of_a_member",
    "drop",
    "old",
    "type",
    "keep",
    "match",
    "stride",
    "as",
    "tagged",
    "at",
    "via",
    "end",
    "global",
    "todo",
    "reset",
    "each",
    "x1",
    "ngx_http_process_request_headers",
    "element",
    "pages",
    "bits",
];

struct Maker<'d> {
    decisions: &'d [u8],
    text: String,
    depth: usize,
}

/// A file. Without decisions, an empty one.
pub(crate) fn file(decisions: &[u8]) -> String {
    let mut maker = Maker { decisions, text: String::new(), depth: 0 };
    while !maker.decisions.is_empty() {
        maker.statement();
        maker.between(false);
    }
    maker.text
}

impl Maker<'_> {
    fn decide(&mut self, choices: u8) -> u8 {
        let Some((first, rest)) = self.decisions.split_first() else { return 0 };
        self.decisions = rest;
        first % choices
    }

    fn pick<'c>(&mut self, from: &[&'c str]) -> &'c str {
        let at = self.decide(u8::try_from(from.len()).unwrap_or(u8::MAX));
        from.get(usize::from(at)).copied().unwrap_or("a")
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// After what wants more: the next may stand on the next line.
    fn gap(&mut self) {
        let gap = match self.decide(12) {
            1 => "\n  ",
            2 => "  // why\n",
            3 => "\n\n// so\n        ",
            4 => "\t",
            _ => " ",
        };
        self.put(gap);
    }

    /// Between items.
    fn between(&mut self, is_block: bool) {
        let end = match self.decide(10) {
            1 => "\n\n",
            2 => "\n\n\n\n",
            3 => " // behind\n",
            4 => "\n// alone\n",
            5 if is_block => ", ",
            6 if is_block => ";\n",
            7 => "\r\n",
            _ => "\n",
        };
        self.put(end);
    }

    fn block(&mut self, mut item: impl FnMut(&mut Self)) {
        self.put(" {");
        let start = self.pick(&[" ", "\n", "  // of it\n", "\n\n\n"]);
        self.put(start);
        for _ in 0..self.decide(4) {
            item(self);
            self.between(true);
        }
        self.put("}");
    }

    fn list(&mut self, mut element: impl FnMut(&mut Self)) {
        element(self);
        for _ in 0..self.decide(4).saturating_sub(1) {
            self.put(",");
            self.gap();
            element(self);
        }
    }

    fn arguments(&mut self, mut element: impl FnMut(&mut Self)) {
        self.put("(");
        if self.decide(4) > 0 {
            self.gap();
            self.list(&mut element);
        }
        self.put(")");
    }

    fn name(&mut self) {
        let name = self.pick(NAMES);
        self.put(name);
    }

    fn symbol(&mut self) {
        self.name();
        if self.decide(8) == 1 {
            self.put("@\"file.c\"");
        }
    }

    fn pattern(&mut self) {
        self.name();
        if self.decide(4) == 1 {
            self.put("*");
        }
    }

    /// Begins with a name that is no word, so that what stands before it cannot be changed by it.
    fn path(&mut self) {
        self.put("p");
        for _ in 0..self.decide(3) {
            self.put(".");
            self.name();
            if self.decide(4) == 1 {
                self.put("[3]");
            }
        }
    }

    fn ty(&mut self) {
        let ty = self.pick(&[
            "conn",
            "struct old",
            "unsigned long int",
            "conn_s **",
            "char[3][4]",
            "enum type*",
            "t@\"a.c\" * [2]",
        ]);
        self.put(ty);
    }

    fn number(&mut self) {
        let number = self.pick(&["0", "1", "0xff", "0b1_1", "017", "4096"]);
        self.put(number);
    }

    fn statement(&mut self) {
        match self.decide(32) {
            0 => self.put("import \"other.mcrx\""),
            1 => {
                self.put("hook pool ");
                self.list(|maker| {
                    maker.pattern();
                    maker.arguments(Self::name);
                });
            }
            2 => {
                self.put("wrapper ");
                self.list(Self::pattern);
            }
            3 => {
                self.put("site ");
                self.list(Self::pattern);
                self.put(" :");
                self.gap();
                match self.decide(3) {
                    0 => self.put("bytes"),
                    1 => self.put("caller"),
                    _ => self.ty(),
                }
            }
            4..=8 => {
                self.put("field ");
                self.symbol();
                self.put(".");
                self.path();
                if self.decide(4) == 0 {
                    self.put(",");
                    self.gap();
                    self.path();
                }
                self.put(" :");
                self.gap();
                self.reading();
            }
            9 => {
                self.put("pointer ");
                self.symbol();
                self.put(": ");
                self.reading();
            }
            10 => {
                self.put("variant v of ");
                self.symbol();
                self.block(|maker| {
                    maker.path();
                    maker.put(" : ");
                    maker.reading();
                });
            }
            11 => self.slab(),
            12 => {
                self.put("scratch ");
                self.symbol();
                self.put(" [");
                self.bound();
                self.put(" ..");
                self.gap();
                self.bound();
                self.put("]");
            }
            13 => self.put("module libcrypto pin\nhandle fd conn.sfd"),
            14..=18 => self.type_change(),
            19 => self.global(),
            20 => self.put("function a -> b\nstring \"a\\n\" -> \"b // no comment\""),
            21 => {
                let head =
                    self.pick(&["for each old conn c", "for each conn c where c.a", "for each struct x * c"]);
                self.put(head);
                self.block(|maker| match maker.decide(3) {
                    0 => maker.put("insert c.q into p.head at head via next"),
                    1 => {
                        maker.put("call f");
                        maker.arguments(Self::expression);
                    }
                    _ => maker.assignment(),
                });
            }
            22 => self.put("drain conn within 5s\nadapter libevent"),
            23 => {
                self.put("call f");
                self.arguments(Self::expression);
                self.put(" after\n transfer");
            }
            24 => {
                let head =
                    self.pick(&["assert ", "assert every conn c : ", "define f(a, b) = ", "define g() = "]);
                self.put(head);
                self.expression();
            }
            25 if self.depth < 3 => {
                self.depth += 1;
                self.put("down");
                self.block(|maker| if maker.decide(2) == 0 { maker.type_change() } else { maker.global() });
                self.depth -= 1;
            }
            26 => self.put("todo \"what now?\""),
            27 => self.put("quiesce at main in \"worker\" within 2s\nquiesce at f"),
            28 => self.role(),
            29 => self.put("allow MCX101 because \"it is so\""),
            _ => self.test(),
        }
    }

    fn slab(&mut self) {
        self.put("slab slabclass");
        self.block(|maker| {
            let item = maker.pick(&[
                "pages = list[count]",
                "pages = list",
                "stride = size",
                "per_page=n",
                "element= item",
            ]);
            maker.put(item);
            if maker.decide(3) == 1 {
                maker.between(true);
                maker.put("match flags");
                maker.arms(|maker| match maker.decide(3) {
                    0 => maker.put("free"),
                    1 => maker.put("pin"),
                    _ => maker.ty(),
                });
            }
        });
    }

    fn bound(&mut self) {
        match self.decide(3) {
            0 => self.put("end"),
            1 => self.path(),
            _ => self.put("d.data[d.used]"),
        }
    }

    fn reading(&mut self) {
        self.depth += 1;
        let choices = if self.depth < 4 { 13 } else { 10 };
        match self.decide(choices) {
            0 => self.put("bytes"),
            1 => self.put("pin"),
            2 => self.put(".d.e"),
            3 => self.put("tagged 0b11"),
            4 => self.put("infer[nelts]"),
            5 => self.put("item[count] stride size"),
            6 => self.put("by_module ngx_modules"),
            7 => self.put("todo \"what?\""),
            8 => self.put("retained"),
            9 => self.ty(),
            10 => self.put("robj tagged 7 as small"),
            _ => {
                let on = self.pick(&["a.b", "global server.mode", "bits 0b11"]);
                self.put("match ");
                self.put(on);
                self.arms(Self::reading);
            }
        }
        self.depth -= 1;
    }

    fn arms(&mut self, mut body: impl FnMut(&mut Self)) {
        self.block(|maker| {
            maker.list(|maker| {
                let value = maker
                    .pick(&["1", "-1", "'a'", "IDLE", "ngx_*", "& 4", "& 7 == 2", "old", "as", "stride"]);
                maker.put(value);
            });
            maker.put(" =>");
            maker.gap();
            body(maker);
        });
    }

    fn type_change(&mut self) {
        self.put("type ");
        self.ty();
        let to = self.pick(&["", " -> b", " + c", " -> b + unsigned long"]);
        self.put(to);
        self.block(|maker| match maker.decide(7) {
            0 => {
                let word = maker.pick(&["drop ", "reset ", "keep old ", "keep new "]);
                maker.put(word);
                maker.list(Self::path);
            }
            1 => maker.put("todo \"which?\""),
            2 => {
                maker.path();
                maker.put("->");
                maker.gap();
                maker.path();
            }
            3 => {
                let member =
                    maker.pick(&["drop", "keep", "reset", "type.x", "old[3]", "todo", "field", "match"]);
                maker.put(member);
                maker.put(" = 1");
            }
            _ => maker.assignment(),
        });
    }

    fn assignment(&mut self) {
        self.path();
        self.put(" =");
        self.gap();
        self.expression();
    }

    fn global(&mut self) {
        self.put("global ");
        self.symbol();
        match self.decide(4) {
            0 => self.put(" keep new"),
            1 => self.put(" drop"),
            2 => self.put(" -> a.b"),
            _ => {
                self.put(" = ");
                self.expression();
            }
        }
    }

    fn expression(&mut self) {
        self.depth += 1;
        let choices = if self.depth < 6 { 20 } else { 8 };
        match self.decide(choices) {
            0 | 1 => self.number(),
            2 => self.put("old.next"),
            3 => self.put("'\\n'"),
            4 => self.put("\"a // b\\\"\""),
            5 => self.put("null"),
            6 => self.symbol_of_no_word(),
            7 => self.put("sizeof(struct conn *)"),
            8..=11 => {
                // In brackets: how operators bind is not to be guessed here.
                self.put("(");
                self.expression();
                let operator =
                    self.pick(&["+", "-", "*", "&", "&&", "||", "==", "<<", "else", "%", "|", ">="]);
                self.put(" ");
                self.put(operator);
                self.gap();
                self.expression();
                self.put(")");
            }
            12 => {
                let operator = self.pick(&["-", "!", "~", "&", "- ", "& &"]);
                self.put(operator);
                self.expression_without_operator();
            }
            13 => {
                self.expression_without_operator();
                self.put(" ?");
                self.gap();
                self.expression_without_operator();
                self.put(" :");
                self.gap();
                self.expression_without_operator();
            }
            14 => {
                self.expression_without_operator();
                self.put("[");
                self.expression();
                self.put(" .. ");
                self.expression();
                self.put("].x[0]");
            }
            15 => {
                self.put("match old.state");
                self.arms(Self::expression);
            }
            16 => self.put("todo \"how?\""),
            _ => {
                self.put("f");
                self.arguments(|maker| {
                    if maker.decide(5) == 1 { maker.put("via next.q") } else { maker.expression() }
                });
            }
        }
        self.depth -= 1;
    }

    fn symbol_of_no_word(&mut self) {
        let name = self.pick(&["a", "CONN_IDLE", "from.x", "limit@\"x.c\"", "drop", "via"]);
        self.put(name);
    }

    fn expression_without_operator(&mut self) {
        self.put("(");
        self.expression();
        self.put(")");
    }

    fn role(&mut self) {
        self.put("role session in frame main blocked in ppoll");
        self.block(|maker| {
            let item = maker.pick(&[
                "image \"sshd-session\"",
                "bind a = frame.b@entry, c = main.d",
                "enter f(a, b) then exit(0)",
                "mute write to inherited, fcntl(F_SETOWN|F_SETFL) , wait",
                "opaque a.b : export f, import g",
                "wait for other within 30s",
            ]);
            maker.put(item);
        });
    }

    fn test(&mut self) {
        self.put("test \"it\"");
        self.block(|maker| {
            let head = maker.pick(&["given ", "expect c = ", "given global n = ", "expect "]);
            maker.put(head);
            match maker.decide(3) {
                0 => maker.put("[1, 2, conn { a = 1 }]"),
                _ => maker.object(),
            }
        });
    }

    fn object(&mut self) {
        self.depth += 1;
        self.put("conn");
        self.block(|maker| {
            maker.path();
            maker.put(" = ");
            if maker.depth < 4 && maker.decide(2) == 1 { maker.object() } else { maker.expression() }
        });
        self.depth -= 1;
    }
}
