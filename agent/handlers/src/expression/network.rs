//! Addresses and networks, as CEL's extension has them.

use std::net::IpAddr;

use super::{
    cidr::{Cidr, parse_ip},
    fault::Fault,
    value::Value,
};

type Result<'v> = std::result::Result<Value<'v>, Fault>;

fn ip_of(values: &[Value<'_>], at: usize) -> std::result::Result<IpAddr, Fault> {
    match values.get(at) {
        Some(Value::Ip(ip)) => Ok(*ip),
        Some(Value::Text(text)) => parse_ip(text).ok_or(Fault::Conversion),
        _ => Err(Fault::Conversion),
    }
}

fn cidr_of(values: &[Value<'_>], at: usize) -> std::result::Result<Cidr, Fault> {
    match values.get(at) {
        Some(Value::Cidr(cidr)) => Ok(*cidr),
        Some(Value::Text(text)) => text.parse().map_err(|()| Fault::Conversion),
        _ => Err(Fault::Conversion),
    }
}

pub(super) fn ip<'v>(values: &[Value<'v>]) -> Result<'v> {
    ip_of(values, 0).map(Value::Ip)
}

pub(super) fn is_ip<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(ip_of(values, 0).is_ok()))
}

pub(super) fn family<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Int(if ip_of(values, 0)?.is_ipv4() { 4 } else { 6 }))
}

pub(super) fn is_unspecified<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(ip_of(values, 0)?.is_unspecified()))
}

pub(super) fn is_loopback<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(ip_of(values, 0)?.is_loopback()))
}

pub(super) fn is_link_local_unicast<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(is_link_local(ip_of(values, 0)?)))
}

pub(super) fn is_link_local_multicast<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(match ip_of(values, 0)? {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
    }))
}

/// As Go has it, on which the extension stands: private addresses are among them.
pub(super) fn is_global_unicast<'v>(values: &[Value<'v>]) -> Result<'v> {
    let ip = ip_of(values, 0)?;
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    let is_other = ip.is_unspecified() || ip.is_loopback() || ip.is_multicast();
    Ok(Value::Bool(!is_other && !is_broadcast && !is_link_local(ip)))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

pub(super) fn cidr<'v>(values: &[Value<'v>]) -> Result<'v> {
    cidr_of(values, 0).map(Value::Cidr)
}

pub(super) fn is_cidr<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(cidr_of(values, 0).is_ok()))
}

pub(super) fn contains_ip<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(cidr_of(values, 0)?.contains(ip_of(values, 1)?)))
}

pub(super) fn contains_cidr<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Bool(cidr_of(values, 0)?.contains_all(cidr_of(values, 1)?)))
}

pub(super) fn address<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Ip(cidr_of(values, 0)?.address()))
}

pub(super) fn masked<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Cidr(cidr_of(values, 0)?.masked()))
}

pub(super) fn prefix_length<'v>(values: &[Value<'v>]) -> Result<'v> {
    Ok(Value::Int(i64::from(cidr_of(values, 0)?.length())))
}
