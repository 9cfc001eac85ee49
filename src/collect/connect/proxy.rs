//! Which proxy stands between, as Go decides it: that of the kubeconfig always; else the environment's, but never for this machine and not for
//! what NO_PROXY names (`golang.org/x/net/http/httpproxy`).

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

use super::KubeconfigProblem;

/// The proxy for `server`, where there is one. `given` is the `proxy-url` of the kubeconfig.
pub(super) fn of(given: Option<&str>, server: &Uri) -> Result<Option<Uri>, KubeconfigProblem> {
    let wrong = || KubeconfigProblem::Url { what: "proxy-url" };
    if let Some(text) = given {
        let url: Uri = text.parse().map_err(|_| wrong())?;
        return match url.scheme_str() {
            Some("http" | "https" | "socks5") => Ok(Some(url)),
            _ => Err(wrong()),
        };
    }
    let names = if server.scheme() == Some(&Scheme::HTTPS) { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let Some(text) = environment(names) else { return Ok(None) };
    if is_direct(server, &environment(["NO_PROXY", "no_proxy"]).unwrap_or_default()) {
        return Ok(None);
    }
    let text = if text.contains("://") { text } else { format!("http://{text}") };
    text.parse().map(Some).map_err(|_| KubeconfigProblem::Url { what: "proxy of the environment" })
}

#[expect(clippy::disallowed_methods, reason = "the proxy of the machine is for the environment to say")]
fn environment(names: [&str; 2]) -> Option<String> {
    names.into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Whether no proxy of the environment is used for this server.
fn is_direct(server: &Uri, exceptions: &str) -> bool {
    let host = server.host().unwrap_or("").trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(if server.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 });
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    exceptions.split(',').map(|one| one.trim().to_ascii_lowercase()).filter(|one| !one.is_empty()).any(|one| {
        if one == "*" {
            return true;
        }
        if let Some((network, bits)) = one.split_once('/') {
            return address.is_some_and(|address| contains(network, bits, address));
        }
        let (name, only) = match one.rsplit_once(':') {
            Some((name, text)) if !name.contains(':') || name.ends_with(']') => match text.parse::<u16>() {
                Ok(number) => (name.to_owned(), Some(number)),
                Err(_) => (one.clone(), None),
            },
            _ => (one.clone(), None),
        };
        if only.is_some_and(|only| only != port) {
            return false;
        }
        let name = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(excepted) = name.parse::<IpAddr>() {
            return address == Some(excepted);
        }
        let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
        match name.strip_prefix('.') {
            Some(domain) => host.ends_with(&format!(".{domain}")),
            None => host == name || host.ends_with(&format!(".{name}")),
        }
    })
}

fn contains(network: &str, bits: &str, address: IpAddr) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    let value = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let Ok(network) = network.parse::<IpAddr>() else { return false };
    let ((network, width), (address, own)) = (value(network), value(address));
    if width != own || bits > width {
        return false;
    }
    let shift = width - bits;
    network.checked_shr(shift).unwrap_or(0) == address.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        let direct = |server: &str, exceptions: &str| server.parse().is_ok_and(|server| is_direct(&server, exceptions));
        for (server, exceptions, expected) in [
            ("https://localhost:6443", "", true),
            ("https://127.0.0.1:6443", "", true),
            ("https://[::1]:6443", "", true),
            ("https://api.example.org", "", false),
            ("https://api.example.org", "example.org", true),
            ("https://api.example.org", ".example.org,", true),
            ("https://example.org", ".example.org", false),
            ("https://api.example.org", "*.example.org", true),
            ("https://notexample.org", "example.org", false),
            ("https://api.example.org:6443", "api.example.org:443, *", true),
            ("https://api.example.org:6443", "api.example.org:443", false),
            ("https://api.example.org:6443", "api.example.org:6443", true),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://11.1.2.3:6443", "10.0.0.0/8", false),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://10.1.2.3", "10.0.0.0/99", false),
            ("https://10.1.2.3", "0.0.0.0/0", true),
        ] {
            assert_eq!(direct(server, exceptions), expected, "{server} with {exceptions}");
        }
    }
}
