//! The two macros with which settings are declared: their types, their documentation and their reading at once.

/// Declares an enum whose values are words of the file, with what they are.
///
/// ```
/// spoa_handlers::words! {
///     /// What a handler does with its decision.
///     pub enum Mode, "a mode" {
///         /// It counts.
///         Enforce = "enforce",
///         /// It is only reported.
///         Observe = "observe",
///     }
/// }
/// assert_eq!(Mode::WORDS, ["enforce", "observe"]);
/// ```
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident, $what:literal {
        $($(#[$word_doc:meta])* $word:ident = $text:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        $visibility enum $name {
            $($(#[$word_doc])* $word,)*
        }

        impl $name {
            /// All words, as they stand in the file.
            $visibility const WORDS: &'static [&'static str] = &[$($text),*];

            /// The word, as it stands in the file.
            #[must_use]
            $visibility fn word(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }

        impl $crate::file::FromNode for $name {
            const NAME: &'static str = $what;
            const WORDS: &'static [&'static str] = Self::WORDS;

            fn from_node(
                node: &$crate::file::Node,
                reading: &mut $crate::file::Reading<'_>,
            ) -> ::core::option::Option<Self> {
                let text = <$crate::file::Text as $crate::file::FromNode>::from_node(node, reading)?;
                match text.as_str() {
                    $($text => ::core::option::Option::Some(Self::$word),)*
                    _ => reading.unknown_word(&text, $what, Self::WORDS),
                }
            }

            fn write(&self) -> ::std::string::String {
                ::std::format!("{:?}", self.word())
            }

            fn schema() -> $crate::kind::Json {
                $crate::file::words(Self::WORDS)
            }
        }
    };
}

/// Declares the settings of a section or of a table in braces: a struct, how it is read, and its table for the
/// documentation. A setting without a default has to be there, unless its type is an `Option`.
///
/// ```
/// use spoa_handlers::{kind::Settings, value::Size};
///
/// spoa_handlers::settings! {
///     /// When a log begins anew.
///     pub struct Rotation, "`rotate`" {
///         /// How large a file becomes.
///         size: Size,
///         /// How many files are kept.
///         files: u32 = 5,
///     }
/// }
/// let files = &Rotation::SETTINGS[1];
/// assert_eq!((files.name, files.default().as_deref()), ("files", Some("5")));
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident, $owner:literal {
        $($(#[doc = $setting_doc:literal])* $setting:ident: $type:ty $(= $default:expr)?,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        $visibility struct $name {
            $($(#[doc = $setting_doc])* pub $setting: $type,)*
        }

        impl $crate::kind::Settings for $name {
            const OWNER: &'static str = $owner;
            const SETTINGS: &'static [$crate::kind::Setting] = &[$(
                $crate::kind::Setting::new::<$type>(
                    ::core::stringify!($setting),
                    $crate::settings!(@default $type $(, $default)?),
                    ::core::concat!($($setting_doc),*),
                )
            ),*];

            fn read(
                table: &mut $crate::file::TableReader<'_>,
                reading: &mut $crate::file::Reading<'_>,
            ) -> ::core::option::Option<Self> {
                $(let $setting: ::core::option::Option<$type> = $crate::settings!(
                    @read table, reading, ::core::stringify!($setting) $(, $default)?
                );)*
                ::core::option::Option::Some(Self { $($setting: $setting?),* })
            }
        }

        impl $crate::file::FromNode for $name {
            const NAME: &'static str = "a table";

            fn from_node(
                node: &$crate::file::Node,
                reading: &mut $crate::file::Reading<'_>,
            ) -> ::core::option::Option<Self> {
                $crate::kind::from_table(node, reading)
            }

            fn write(&self) -> ::std::string::String {
                let written: ::std::vec::Vec<_> = [$((
                    $crate::kind::key(::core::stringify!($setting)),
                    $crate::file::FromNode::write(&self.$setting),
                )),*]
                    .into_iter()
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(key, value)| ::std::format!("{key} = {value}"))
                    .collect();
                ::std::format!("{{ {} }}", written.join(", "))
            }

            fn schema() -> $crate::kind::Json {
                $crate::kind::object(<Self as $crate::kind::Settings>::SETTINGS)
            }
        }
    };
    (@default $type:ty) => { ::core::option::Option::None };
    (@default $type:ty, $default:expr) => {
        ::core::option::Option::Some(|| {
            let default: $type = $default;
            $crate::file::FromNode::write(&default)
        })
    };
    (@read $table:ident, $reading:ident, $name:expr) => {
        $table.take($crate::kind::key($name), $reading)
    };
    (@read $table:ident, $reading:ident, $name:expr, $default:expr) => {
        $table.take_or($crate::kind::key($name), || $default, $reading)
    };
}
