//! The arguments that have one name, one type and one fetch everywhere, so that nobody has to name them.

use super::{argument::Argument, value_type::Type};

/// The arguments that every kind, every expression and HAProxy's file know by these names.
pub const WELL_KNOWN: &[Argument] = &[
    Argument::new("ip", Type::Ip, "src", "address of the client"),
    Argument::new("port", Type::Int, "src_port", "port of the client"),
    Argument::new("method", Type::Text, "method", "method of the request"),
    Argument::new("scheme", Type::Text, "ssl_fc,iif(https,http)", "`https` or `http`"),
    Argument::new("host", Type::Text, "req.hdr(host)", "header `Host`"),
    Argument::new("path", Type::Text, "path", "path of the request, without its query"),
    Argument::new("query", Type::Text, "query", "query of the request, without the `?`"),
    Argument::new("ua", Type::Text, "req.hdr(user-agent)", "header `User-Agent`"),
    Argument::new("cookie", Type::Text, "req.hdr(cookie)", "header `Cookie`"),
    Argument::new("authorization", Type::Text, "req.hdr(authorization)", "header `Authorization`"),
    Argument::new("headers", Type::Text, "req.hdrs", "all headers of the request"),
    Argument::new("body", Type::Binary, "req.body", "body of the request, as far as it is there"),
    Argument::new("body_size", Type::Int, "req.body_size", "length of the body in bytes"),
    Argument::new("id", Type::Text, "unique-id", "identifier of the request"),
    Argument::new("sni", Type::Text, "ssl_fc_sni", "server name that the client asks for in TLS"),
    Argument::new("frontend", Type::Text, "fe_name", "name of HAProxy's frontend"),
    Argument::new("status", Type::Int, "status", "status of the response"),
];
