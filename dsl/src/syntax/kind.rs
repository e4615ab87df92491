//! What the tree is made of: tokens, and nodes over them.
//!
//! Names and keywords are one kind of token for the lexer, since no word is reserved; the parser turns a name into a keyword where the
//! grammar has one.

use logos::{Lexer, Logos};

macro_rules! kinds {
    ($($(#[$attribute:meta])* $name:ident,)*) => {
        /// A kind of token or node.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Logos)]
        #[repr(u16)]
        pub(crate) enum SyntaxKind { $($(#[$attribute])* $name,)* }

        impl SyntaxKind {
            const ALL: &[SyntaxKind] = &[$(SyntaxKind::$name,)*];
        }
    };
}

kinds! {
    // Tokens without meaning.
    #[regex(r"[ \t\r\n\x0b\x0c\u{feff}]+")]
    Whitespace,
    #[regex(r"//[^\n]*", allow_greedy = true)]
    Comment,
    /// `/* … */` or `# …`: comments of other languages.
    #[token("/*", block_comment)]
    #[regex(r"#[^\n]*", allow_greedy = true)]
    ForeignComment,
    /// What no token begins with.
    Unknown,

    // Tokens.
    /// Letters of all languages, so that one that is none of C's is one mistake.
    #[regex(r"[A-Za-z_$\p{L}][0-9A-Za-z_$\p{L}\p{M}]*")]
    Name,
    /// A name that is a word of the language where it stands.
    Keyword,
    /// Also what is meant as one: `0x1g`.
    #[regex(r"[0-9][0-9A-Za-z_$]*")]
    Number,
    /// `5s`
    Duration,
    /// Up to the end of the line if it is not closed.
    #[regex(r#""([^"\\\n\r]|\\[^\n\r])*"?"#)]
    String,
    #[regex(r#"'([^'\\\n\r]|\\[^\n\r])*'?"#)]
    Character,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("&")]
    Ampersand,
    #[token("|")]
    Bar,
    #[token("^")]
    Caret,
    #[token("~")]
    Tilde,
    #[token("<<")]
    ShiftLeft,
    #[token(">>")]
    ShiftRight,
    #[token("==")]
    EqualEqual,
    #[token("!=")]
    NotEqual,
    #[token("<")]
    Less,
    #[token("<=")]
    LessEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEqual,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("!")]
    Bang,
    #[token("?")]
    Question,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("..")]
    DotDot,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token("=")]
    Equal,
    #[token("->")]
    Arrow,
    #[token("=>")]
    FatArrow,
    #[token("@")]
    At,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token("[")]
    OpenBracket,
    #[token("]")]
    CloseBracket,
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    /// After the last token. Never in a tree.
    End,

    // The file.
    File,
    /// What was skipped.
    Error,
    Version,
    Program,
    From,
    To,
    Import,

    // Names.
    Symbol,
    Pattern,
    Path,
    Type,

    // Facts.
    HookPool,
    Wrapper,
    Site,
    Field,
    Pointer,
    Variant,
    Slab,
    Scratch,
    Module,
    Container,
    Descriptor,
    Call,
    /// `{ … }`
    Block,
    /// `path : reading`
    FieldReading,
    /// `bytes`, `pin`, `opaque`, `declared`, `caller`, `free`
    WordReading,
    MemberReading,
    TypeReading,
    TaggedReading,
    ArrayReading,
    ByModule,
    VariantReading,
    MatchReading,
    Subject,
    Arm,
    Value,
    SlabPages,
    SlabStride,
    SlabPerPage,
    SlabElement,
    SlabMatch,
    Bound,
    ContainerElements,
    ContainerStride,

    // Changes.
    TypeChange,
    Types,
    GlobalChange,
    FunctionChange,
    TextChange,
    ForEach,
    Drain,
    CallChange,
    Adapter,
    Assert,
    Define,
    Down,
    Hole,
    SetItem,
    RenameItem,
    DropItem,
    ResetItem,
    KeepItem,
    Insert,

    // Expressions.
    Constant,
    NameExpression,
    MemberExpression,
    IndexExpression,
    SliceExpression,
    UnaryExpression,
    BinaryExpression,
    ConditionalExpression,
    ElseExpression,
    ParenExpression,
    SizeOf,
    CallExpression,
    MatchExpression,
    Object,
    List,
    Via,
    /// `( … )` of a call.
    Arguments,

    // Processes.
    Quiesce,
    Role,
    Image,
    Bind,
    Binding,
    Enter,
    Mute,
    MuteCall,
    MuteWrite,
    OpaqueState,
    Wait,

    // What is said of a file.
    Allow,
    Test,
    Given,
    Expect,
}

impl SyntaxKind {
    /// Whether the grammar does not see it.
    pub(crate) fn is_trivia(self) -> bool {
        matches!(self, SyntaxKind::Whitespace | SyntaxKind::Comment | SyntaxKind::ForeignComment)
    }
}

/// Up to the end, or of the line if there is none.
fn block_comment(lexer: &mut Lexer<'_, SyntaxKind>) {
    let rest = lexer.remainder();
    let line = || rest.find('\n').unwrap_or(rest.len());
    lexer.bump(rest.find("*/").map_or_else(line, |at| at + 2));
}

/// The language, as the tree's library wants it told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Language {}

impl rowan::Language for Language {
    type Kind = SyntaxKind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> SyntaxKind {
        SyntaxKind::ALL.get(usize::from(raw.0)).copied().unwrap_or(SyntaxKind::Error)
    }

    fn kind_to_raw(kind: SyntaxKind) -> rowan::SyntaxKind {
        raw(kind)
    }
}

/// The kind as the tree's library keeps it.
pub(crate) fn raw(kind: SyntaxKind) -> rowan::SyntaxKind {
    // The order of the declaration, by which `ALL` is indexed too.
    #[allow(clippy::cast_possible_truncation)]
    rowan::SyntaxKind(kind as u16)
}

pub(crate) type Node = rowan::SyntaxNode<Language>;
pub(crate) type Token = rowan::SyntaxToken<Language>;
