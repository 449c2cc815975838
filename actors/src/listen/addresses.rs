//! Addresses: the socket addresses of a `HOST:PORT`.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
};

use socket2::{Domain, SockRef, Socket, Type};

/// The addresses of a `HOST:PORT`, without duplicates: `localhost` has two on most machines.
pub(crate) fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in address.to_socket_addrs()? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

/// Listens on one address, beside `others`: `[::]` does not take IPv4 if one of them has the port
/// there.
pub(crate) fn listen(
    address: SocketAddr,
    backlog: i32,
    others: impl IntoIterator<Item = SocketAddr>,
) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    let takes_both = address.is_ipv6() && address.ip().is_unspecified();
    let mut others = others.into_iter();
    if takes_both && others.any(|other| other.is_ipv4() && other.port() == address.port()) {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Whether an IPv6 listener takes IPv4 connections on this port as well.
pub(crate) fn takes_ipv4(listener: &TcpListener, port: u16) -> bool {
    let address = listener.local_addr().ok();
    let is_any = |address: SocketAddr| {
        address.is_ipv6() && address.ip().is_unspecified() && address.port() == port
    };
    address.is_some_and(is_any) && SockRef::from(listener).only_v6().is_ok_and(|only_v6| !only_v6)
}

/// Whether the address does not exist on this machine, so that other addresses of the name can be
/// used.
pub(crate) fn is_elsewhere(error: &io::Error) -> bool {
    // Without IPv6, there are no IPv6 sockets either.
    const NO_SUCH_FAMILY: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_of_a_name_is_there_once() {
        assert_eq!(resolve("127.0.0.1:1").unwrap(), ["127.0.0.1:1".parse().unwrap()]);
        assert_eq!(resolve("[::]:1").unwrap(), ["[::]:1".parse().unwrap()]);
        let mut local = resolve("localhost:1").unwrap();
        assert!(local.contains(&"127.0.0.1:1".parse().unwrap()), "{local:?}");
        local.dedup();
        assert_eq!(local, resolve("localhost:1").unwrap());
        assert!(resolve("name.invalid:1").is_err());
    }
}
