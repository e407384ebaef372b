//! Which addresses may be called.
//!
//! What is not globally reachable belongs to somebody's own network: a database, a router, a
//! cloud's metadata. An address that carries an IPv4 address inside counts as that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Networks of IPv4 that are not on the internet: the special-purpose registry of RFC 6890.
const PRIVATE_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, where clouds keep their metadata.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Where the internet's IPv6 addresses are, of all there could be.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks among [`GLOBAL_V6`] that are not on the internet.
const PRIVATE_V6: [(Ipv6Addr, u32); 3] = [
    // Teredo, benchmarks, identifiers.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether `address` may be called, where `allowed` lists what may be called besides the internet.
pub(super) fn may_be_called(address: IpAddr, allowed: &[IpNet]) -> bool {
    is_allowed(address, allowed) || is_global(address)
}

/// Whether `address` is among `allowed`.
pub(super) fn is_allowed(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = carried(address);
    allowed.iter().any(|network| network.contains(&address))
}

fn is_global(address: IpAddr) -> bool {
    match carried(address) {
        IpAddr::V4(address) => !PRIVATE_V4.iter().any(|network| within_v4(address, *network)),
        IpAddr::V6(address) => {
            within_v6(address, GLOBAL_V6)
                && !PRIVATE_V6.iter().any(|network| within_v6(address, *network))
        }
    }
}

/// The IPv4 address inside an IPv6 address that only carries one: mapped, NAT64, 6to4.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0x2002, high, low, ..) => v4(high, low),
        _ => address,
    }
}

fn within_v4(address: Ipv4Addr, (network, length): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0
}

fn within_v6(address: Ipv6Addr, (network, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - length) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(address: &str) -> bool {
        is_global(address.parse().expect("an address"))
    }

    #[test]
    fn the_internet_may_be_called() {
        for address in
            ["8.8.8.8", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2a00:1450::1", "2606:4700::1"]
        {
            assert!(global(address), "{address}");
        }
    }

    #[test]
    fn nobodys_own_network_may_be_called() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!global(address), "{address}");
        }
    }

    #[test]
    fn what_is_named_may_be_called_and_nothing_beside_it() {
        let allowed = ["10.0.0.0/24".parse().expect("a network")];
        for (address, expected) in
            [("10.0.0.7", true), ("::ffff:10.0.0.7", true), ("10.0.1.7", false), ("8.8.8.8", true)]
        {
            let address = address.parse().expect("an address");
            assert_eq!(may_be_called(address, &allowed), expected, "{address}");
        }
    }
}
