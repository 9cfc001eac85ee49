//! What is told of credentials: nothing. Errors of the client repeat the command of a credential plugin with its environment, and what
//! it printed; URLs can hold a password.

use std::error::Error;
use std::io;

use kube::client::AuthError;

/// What to say instead of an error that is about credentials, or was caused by one.
pub(in crate::collect) fn words(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    let mut about_a_plugin = false;
    while let Some(error) = next {
        if let Some(auth) = error.downcast_ref::<AuthError>() {
            return Some(of(auth));
        }
        match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Auth(auth)) => return Some(of(auth)),
            Some(kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. }) => {
                return Some("the proxy's protocol is not supported (http and socks5 are)".to_owned());
            }
            _ => {}
        }
        about_a_plugin |= error.to_string().contains("auth exec");
        next = error.source();
    }
    about_a_plugin.then(|| "the credential plugin failed".to_owned())
}

fn of(error: &AuthError) -> String {
    let file = |error: &io::Error| error.kind().to_string();
    match error {
        AuthError::AuthExecRun { out, .. } => match out.status.code() {
            Some(code) => format!("the credential plugin failed (status {code})"),
            None => "the credential plugin failed (it was killed)".to_owned(),
        },
        AuthError::AuthExecStart(error) => format!("the credential plugin could not be started ({})", file(error)),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin failed (what it printed is not a credential)".to_owned()
        }
        AuthError::AuthExecSerialize(_) | AuthError::AuthExec(_) => "the credential plugin failed".to_owned(),
        AuthError::MissingCommand => "the credential plugin has no command".to_owned(),
        AuthError::ExecMissingClusterInfo => {
            "the credential plugin wants to know the cluster, and the kubeconfig does not say it".to_owned()
        }
        AuthError::ReadTokenFile(error, path) => format!("the token file {} cannot be read ({})", path.display(), file(error)),
        AuthError::MalformedTokenExpirationDate(_) => "the credential's date of expiration cannot be read".to_owned(),
        AuthError::UnrefreshableTokenResponse => "the credential has expired and cannot be renewed".to_owned(),
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) | AuthError::ParseTokenKey(_) => {
            "the credential cannot be read".to_owned()
        }
        _ => "the credential cannot be used".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn errors_of_credential_plugins_are_told_without_command_and_output() {
        use std::os::unix::process::ExitStatusExt;
        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: b"s3cret".to_vec(),
            stderr: b"s3cret".to_vec(),
        };
        let failed = || AuthError::AuthExecRun { cmd: "CLIENT_SECRET=s3cret sh".to_owned(), out: Box::new(out.clone()) };
        let expected = "the credential plugin failed (status 1)";
        let boxed: Box<dyn Error + Send + Sync> = Box::new(failed());
        for error in [kube::Error::Auth(failed()), kube::Error::Service(boxed)] {
            assert_eq!(super::super::super::request::chain(&error), expected);
        }
        let text = AuthError::AuthExec("Executing \"s3cret\" failed".to_owned());
        assert_eq!(super::super::super::request::chain(&text), "the credential plugin failed");
        let other = io::Error::other("unable to run auth exec: s3cret");
        assert_eq!(super::super::super::request::chain(&other), "the credential plugin failed");
    }
}
