//! Argument: `name=value` or `name:type=value`, as it is written on the command line.

use std::str::FromStr;

use thiserror::Error;

use crate::ask::value::{Mismatch, TYPES, Value};

/// One argument of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Argument {
    /// Empty for an unnamed argument.
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// Why a text is not an argument.
#[derive(Debug, Eq, Error, PartialEq)]
pub(crate) enum ArgumentError {
    /// It has a name only.
    #[error("argument {word:?} has no value: write {word}=VALUE, or {word}:null if it has none")]
    NoValue {
        /// All of it.
        word: String,
    },
    /// The type is unknown.
    #[error("argument {name:?} has the unknown type {type_name:?}: use {TYPES}")]
    UnknownType {
        /// The argument's name.
        name: String,
        /// The text in place of a type.
        type_name: String,
    },
    /// The value does not have this type.
    #[error("argument {name:?}: {text:?} is not of type {type_name}: {form}")]
    Form {
        /// The argument's name.
        name: String,
        /// The given type.
        type_name: String,
        /// The given value.
        text: String,
        /// The correct format.
        form: &'static str,
    },
}

impl FromStr for Argument {
    type Err = ArgumentError;

    /// The first `=` ends the name. The last `:` before it begins the type.
    fn from_str(word: &str) -> Result<Self, ArgumentError> {
        let (left, text) = match word.split_once('=') {
            Some(parts) => parts,
            None if word.ends_with(":null") => (word, ""),
            None => {
                let word = word.to_owned();
                return Err(ArgumentError::NoValue { word });
            }
        };
        let Some((name, type_name)) = left.rsplit_once(':') else {
            let (name, value) = (left.to_owned(), Value::infer(text));
            return Ok(Self { name, value });
        };
        let name = name.to_owned();
        match Value::parse(type_name, text) {
            Ok(value) => Ok(Self { name, value }),
            Err(Mismatch::UnknownType) => {
                Err(ArgumentError::UnknownType { name, type_name: type_name.to_owned() })
            }
            Err(Mismatch::Form(form)) => Err(ArgumentError::Form {
                name,
                type_name: type_name.to_owned(),
                text: text.to_owned(),
                form,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn error(word: &str) -> String {
        word.parse::<Argument>().unwrap_err().to_string()
    }

    #[test]
    fn an_argument_has_a_name_perhaps_a_type_and_a_value() {
        for (word, name, value) in [
            ("ip=127.0.0.1", "ip", Value::Ipv4(Ipv4Addr::LOCALHOST)),
            ("ip:ipv6=::1", "ip", Value::Ipv6(Ipv6Addr::LOCALHOST)),
            ("ip=::1", "ip", Value::Ipv6(Ipv6Addr::LOCALHOST)),
            ("ip:str=::1", "ip", Value::String("::1".to_owned())),
            ("q=a=b", "q", Value::String("a=b".to_owned())),
            ("q=", "q", Value::String(String::new())),
            ("=5", "", Value::Int64(5)),
            (":uint64=5", "", Value::Uint64(5)),
            ("referer:null", "referer", Value::Null),
            ("referer:null=", "referer", Value::Null),
            (":null", "", Value::Null),
            ("body:bin=0x00ff", "body", Value::Binary(vec![0, 255])),
        ] {
            let expected = Argument { name: name.to_owned(), value };
            assert_eq!(word.parse(), Ok(expected), "{word}");
        }
    }

    #[test]
    fn an_error_names_the_argument_the_cause_and_the_fix() {
        assert_eq!(
            error("ip"),
            r#"argument "ip" has no value: write ip=VALUE, or ip:null if it has none"#
        );
        assert_eq!(
            error("ip:ipv4=127.0.0.256"),
            r#"argument "ip": "127.0.0.256" is not of type ipv4: write an IPv4 address, such as 192.0.2.1"#
        );
        assert_eq!(
            error("x:null=1"),
            r#"argument "x": "1" is not of type null: leave the value out"#
        );
        let unknown = error("ip:ip=127.0.0.1");
        assert!(unknown.starts_with(r#"argument "ip" has the unknown type "ip": use null, bool,"#));
        assert!(error("ip:=1").contains(r#"unknown type """#));
    }
}
