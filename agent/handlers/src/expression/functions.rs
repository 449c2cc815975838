//! The functions, by their names and the types of what they take.

use super::{
    fault::Fault,
    network, strings,
    types::{Scalar, Type},
    value::Value,
};

/// Does what a function does with values of the right types.
pub(super) type Call = for<'v> fn(&[Value<'v>]) -> Result<Value<'v>, Fault>;

/// A function with one list of types.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Whether the first value stands in front of a dot.
    pub(super) is_member: bool,
    pub(super) takes: &'static [Type],
    pub(super) gives: Type,
    pub(super) call: Call,
}

const BOOL: Type = Type::BOOL;
const INT: Type = Type::One(Scalar::Int);
const DOUBLE: Type = Type::One(Scalar::Double);
const TEXT: Type = Type::One(Scalar::Text);
const BYTES: Type = Type::One(Scalar::Bytes);
const IP: Type = Type::One(Scalar::Ip);
const CIDR: Type = Type::One(Scalar::Cidr);
const TEXTS: Type = Type::List(Scalar::Text);

const fn member(name: &'static str, takes: &'static [Type], gives: Type, call: Call) -> Function {
    Function { name, is_member: true, takes, gives, call }
}

const fn global(name: &'static str, takes: &'static [Type], gives: Type, call: Call) -> Function {
    Function { name, is_member: false, takes, gives, call }
}

/// All functions but `matches`, whose pattern is compiled, and `size`, which takes lists of any type.
pub(super) const FUNCTIONS: &[Function] = &[
    // Conversions.
    global("int", &[INT], INT, strings::same),
    global("int", &[DOUBLE], INT, strings::double_to_int),
    global("int", &[TEXT], INT, strings::text_to_int),
    global("double", &[DOUBLE], DOUBLE, strings::same),
    global("double", &[INT], DOUBLE, strings::int_to_double),
    global("double", &[TEXT], DOUBLE, strings::text_to_double),
    global("string", &[TEXT], TEXT, strings::same),
    global("string", &[INT], TEXT, strings::to_text),
    global("string", &[BOOL], TEXT, strings::to_text),
    global("string", &[BYTES], TEXT, strings::bytes_to_text),
    global("string", &[IP], TEXT, strings::to_text),
    global("string", &[CIDR], TEXT, strings::to_text),
    global("bytes", &[TEXT], BYTES, strings::text_to_bytes),
    // Strings.
    member("contains", &[TEXT, TEXT], BOOL, strings::contains),
    member("startsWith", &[TEXT, TEXT], BOOL, strings::starts_with),
    member("endsWith", &[TEXT, TEXT], BOOL, strings::ends_with),
    member("lowerAscii", &[TEXT], TEXT, strings::lower_ascii),
    member("upperAscii", &[TEXT], TEXT, strings::upper_ascii),
    member("trim", &[TEXT], TEXT, strings::trim),
    member("charAt", &[TEXT, INT], TEXT, strings::char_at),
    member("indexOf", &[TEXT, TEXT], INT, strings::index_of),
    member("lastIndexOf", &[TEXT, TEXT], INT, strings::last_index_of),
    member("substring", &[TEXT, INT], TEXT, strings::substring),
    member("substring", &[TEXT, INT, INT], TEXT, strings::substring),
    member("replace", &[TEXT, TEXT, TEXT], TEXT, strings::replace),
    member("split", &[TEXT, TEXT], TEXTS, strings::split),
    member("join", &[TEXTS], TEXT, strings::join),
    member("join", &[TEXTS, TEXT], TEXT, strings::join),
    // Networks.
    global("ip", &[TEXT], IP, network::ip),
    global("ip", &[IP], IP, strings::same),
    global("isIP", &[TEXT], BOOL, network::is_ip),
    member("family", &[IP], INT, network::family),
    member("isUnspecified", &[IP], BOOL, network::is_unspecified),
    member("isLoopback", &[IP], BOOL, network::is_loopback),
    member("isLinkLocalUnicast", &[IP], BOOL, network::is_link_local_unicast),
    member("isLinkLocalMulticast", &[IP], BOOL, network::is_link_local_multicast),
    member("isGlobalUnicast", &[IP], BOOL, network::is_global_unicast),
    global("cidr", &[TEXT], CIDR, network::cidr),
    global("isCIDR", &[TEXT], BOOL, network::is_cidr),
    member("containsIP", &[CIDR, IP], BOOL, network::contains_ip),
    member("containsIP", &[CIDR, TEXT], BOOL, network::contains_ip),
    member("containsCIDR", &[CIDR, CIDR], BOOL, network::contains_cidr),
    member("containsCIDR", &[CIDR, TEXT], BOOL, network::contains_cidr),
    member("ip", &[CIDR], IP, network::address),
    member("masked", &[CIDR], CIDR, network::masked),
    member("prefixLength", &[CIDR], INT, network::prefix_length),
];

/// The function for values of these types.
pub(super) fn find(name: &str, is_member: bool, takes: &[Type]) -> Option<&'static Function> {
    named(name).find(|function| {
        let is_it = function.is_member == is_member && function.takes.len() == takes.len();
        is_it && takes.iter().zip(function.takes).all(|(own, expected)| own.is(*expected))
    })
}

/// All functions of a name.
pub(super) fn named(name: &str) -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(move |function| function.name == name)
}
