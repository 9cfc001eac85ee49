//! Options of well-known programs that take a password and do not say so, from the manuals of these programs.

use super::values::{is_literal, is_user_and_password};

/// How a program is told a password.
#[derive(Debug)]
pub(in super::super) struct Program {
    /// As they are called, without folder.
    names: &'static str,
    /// Options whose next word is a password.
    next: &'static [&'static str],
    /// Options to which the password is joined (`-pSECRET`).
    joined: &'static [&'static str],
    /// Options with user and password (`-u user:password`), joined or not.
    both: &'static [&'static str],
    /// Counted from a word, which word is a password (`add_user NAME PASSWORD`).
    behind: &'static [(&'static str, usize)],
}

const fn program(names: &'static str, next: &'static [&'static str], joined: &'static [&'static str]) -> Program {
    Program { names, next, joined, both: &[], behind: &[] }
}

const fn with_user(names: &'static str, both: &'static [&'static str]) -> Program {
    Program { names, next: &[], joined: &[], both, behind: &[] }
}

const fn with_words(names: &'static str, next: &'static [&'static str], behind: &'static [(&'static str, usize)]) -> Program {
    Program { names, next, joined: &[], both: &[], behind }
}

const PROGRAMS: &[Program] = &[
    program(
        "mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlshow mysqlslap mysqlsh mysqlpump mysqlbinlog mysqld_safe mariadb mariadb-dump
         mariadb-admin mariadb-import mariadb-check mariadb-backup mariabackup xtrabackup innobackupex percona",
        &[],
        &["-p"],
    ),
    program("mydumper myloader mytop automysqlbackup", &["-p"], &["-p"]),
    program("redis-cli valkey-cli redis-benchmark valkey-benchmark keydb-cli", &["-a"], &[]),
    program("sshpass", &["-p"], &["-p"]),
    program("mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop", &["-p"], &["-p"]),
    program("mosquitto_pub mosquitto_sub mosquitto_rr", &["-P"], &[]),
    program("ldapsearch ldapadd ldapmodify ldapwhoami ldapdelete ldapcompare ldapmodrdn ldapexop", &["-w"], &["-w"]),
    program("ldappasswd", &["-w", "-s", "-a"], &["-w", "-s", "-a"]),
    program("sqlcmd bcp isql tsql fisql", &["-P"], &["-P"]),
    program("cqlsh beeline cypher-shell couchbase-cli cbbackupmgr cbq influx rabbitmqadmin twine", &["-p", "-pw"], &[]),
    program("7z 7za 7zr 7zz rar unrar", &[], &["-p"]),
    program("zip unzip", &["-P"], &["-P"]),
    program("ipmitool", &["-P"], &[]),
    program("snmpget snmpwalk snmpset snmpbulkwalk", &["-A", "-X"], &[]),
    program("openssl", &["-k"], &["pass:"]),
    program("plink pscp psftp nodetool", &["-pw"], &[]),
    // Their `-p` is a port; they are called by programs of which it is a password.
    program("ssh scp sftp rsync", &[], &[]),
    with_user("curl", &["-u", "-U", "--user", "--proxy-user"]),
    with_user("http https xh", &["-a", "--auth"]),
    with_user("ab", &["-A", "-P"]),
    with_user("etcdctl", &["--user"]),
    with_user("lftp", &["-u", "--user"]),
    with_user("smbclient rpcclient", &["-U", "--user"]),
    with_words("docker podman nerdctl helm skopeo buildah oras crane cosign az oc argocd regctl", &[], &[("login", 0)]),
    with_words("rabbitmqctl", &[], &[("add_user", 2), ("change_password", 2), ("authenticate_user", 2)]),
    with_words("mc mcli", &[], &[("set", 4), ("add", 3), ("add", 4)]),
    with_words("vault bao", &[], &[("login", 1)]),
    with_words("htpasswd", &[], &[("-b", 3), ("-cb", 3), ("-bc", 3), ("-nb", 2), ("-bn", 2), ("-nbB", 2), ("-Bbn", 2), ("-bnB", 2)]),
    with_words("sqlplus sqlldr exp imp expdp impdp rman", &[], &[]),
];

/// The program that a word calls, by its name without folder and ending.
pub(in super::super) fn called(word: &str) -> Option<&'static Program> {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    if !(2..=24).contains(&name.len()) || name.starts_with('-') {
        return None;
    }
    let name = name.strip_suffix(".exe").or_else(|| name.strip_suffix(".sh")).unwrap_or(name);
    PROGRAMS.iter().find(|program| program.names.split_ascii_whitespace().any(|known| known == name))
}

/// The program that an image is made for: `docker.io/library/redis:8` answers to the options of Redis.
pub(in super::super) fn of_image(reference: &str) -> Option<&'static Program> {
    let name = reference.split('@').next().unwrap_or("").rsplit('/').next().unwrap_or("");
    let name = name.split(':').next().unwrap_or("");
    // Images that run another program by default are servers, whose options are others.
    matches!(name, "curl" | "mongosh" | "mysqlsh" | "sshpass" | "mosquitto-clients" | "skopeo").then(|| called(name)).flatten()
}

impl Program {
    fn is(&self, name: &str) -> bool {
        self.names.split_ascii_whitespace().any(|known| known == name)
    }

    /// Whether `-u` takes user and password, and not a user with a group.
    pub(super) fn takes_users(&self) -> bool {
        !self.both.is_empty()
    }

    /// Whether the word at a place is, or holds, a password.
    pub(super) fn takes<S: AsRef<str>>(&self, words: &[S], at: usize, shell: bool) -> bool {
        let word = |at: usize| words.get(at).map(AsRef::as_ref);
        let Some(this) = word(at) else { return false };
        let before = at.checked_sub(1).and_then(word).unwrap_or("");
        let literal = |value: &str| is_literal(value, shell) && !value.starts_with('-');
        let user_and_password = |value: &str| {
            is_user_and_password(value, shell)
                || ["%", ","].iter().any(|sign| {
                    (self.is("smbclient") || self.is("lftp"))
                        && value.split_once(sign).is_some_and(|(user, password)| !user.is_empty() && is_literal(password, shell))
                })
        };
        if self.next.contains(&before) && literal(this) {
            return true;
        }
        if self.joined.iter().any(|option| {
            this.strip_prefix(option).is_some_and(|value| literal(value.trim_start_matches('=')) && !value.starts_with("ort"))
        }) {
            return true;
        }
        if self.both.iter().any(|option| {
            let joined = this.strip_prefix(option).filter(|value| !value.is_empty() && (option.len() == 2 || value.starts_with('=')));
            joined.is_some_and(|value| user_and_password(value.trim_start_matches('='))) || (before == *option && user_and_password(this))
        }) {
            return true;
        }
        if self.names.starts_with("docker") {
            let logs_in = words.iter().take(at).rev().take(12).any(|word| word.as_ref() == "login");
            return logs_in
                && ((before == "-p" && literal(this)) || this.strip_prefix("-p").is_some_and(|value| !value.is_empty() && literal(value)));
        }
        if self.names.starts_with("sqlplus") {
            return this.split_once('/').is_some_and(|(user, rest)| {
                let password = rest.split('@').next().unwrap_or("");
                let named = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_$#".contains(c));
                named(user) && !password.is_empty() && !password.contains('/') && is_literal(password, shell)
            });
        }
        self.behind.iter().any(|(begin, distance)| {
            *distance > 0 && at.checked_sub(*distance).and_then(word) == Some(*begin) && literal(this) && !this.contains('=')
        })
    }
}
