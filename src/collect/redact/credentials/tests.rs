use std::time::{Duration, Instant};

use super::*;

fn words(line: &str) -> Option<Kind> {
    let words: Vec<&str> = line.split('|').collect();
    of_words(&words, &mut None).into_iter().flatten().next()
}

#[test]
fn variables_that_hold_credentials() {
    let mut wrong = Vec::new();
    for (name, value) in [
        ("DB_PASSWORD", "hunter2"),
        ("dbPassword", "Sommer2024!"),
        ("DB_PASSWORD", "$ummer2024!"),
        ("DB_PASSWORD", "$ecret"),
        ("ADMIN_PASSWORD", "@dmin2024"),
        ("PASSWORD", "%Sommer2024%"),
        ("PASSWORD", "<Sommer"),
        ("PASSWORD", "[Sommer2024]"),
        ("PASSWORD", "/Sommer2024"),
        ("PASSWORD", "{Sommer:2024}"),
        ("POSTGRES_PASSWORD", "postgres"),
        ("POSTGRES_PASSWORD", "example"),
        ("POSTGRES_PASSWORD", "default"),
        ("POSTGRES_PASSWORD", "password"),
        ("MYSQL_PASS", "yourock99"),
        ("MYSQL_PWD", "s3cret"),
        ("SMTP_PASS", "12345"),
        ("REDIS_PASSWORD", "changeme"),
        ("CLIENT_SECRET", "9bd0a7f2"),
        ("CLIENT_SECRET", "12345678"),
        ("CLIENT_SECRET", "my-client-secret"),
        ("JWT_SECRET", "secret"),
        ("DB_SECRET", "hunter22"),
        ("GITHUB_WEBHOOK_SECRET", "hunter22"),
        ("DJANGO_SECRET_KEY", "not-so-secret-1"),
        ("SECRET_KEY_BASE", "5f2b8c0de1a94736"),
        ("API_TOKEN", "abc123def"),
        ("API_TOKEN", "my-dev-token"),
        ("API_TOKENS", "hunter22,hunter23"),
        ("PASSWORDS", "hunter22"),
        ("DB_PASSWORD2", "hunter22"),
        ("PASSWORD_OLD", "hunter22"),
        ("PASSWORD_POSTGRES", "hunter"),
        ("TOKEN_GITHUB", "hunter22"),
        ("PASSWORD_CLINIC", "hunter22"),
        ("DBPASS", "hunter22"),
        ("keystorePass", "hunter22"),
        ("PGPASSWORD", "x1"),
        ("ENCRYPTIONKEY", "hunter22hunter22"),
        ("ENCRYPTION_KEY", "0123456789abcdef"),
        ("API_KEY", "abc123"),
        ("JWT_KEY", "hunter22"),
        ("LICENSE_KEY", "AB12-CD34-EF56"),
        ("RABBITMQ_ERLANG_COOKIE", "hunter22"),
        ("REDIS_AUTH", "hunter22"),
        ("BASIC_AUTH", "admin:hunter22"),
        ("BASIC_AUTH", "YWRtaW46aHVudGVyMjI="),
        ("NEO4J_AUTH", "neo4j/hunter22"),
        ("ADMIN_PIN", "4711"),
        ("DB_KENNWORT", "hunter"),
        ("AUTHORIZATION", "Bearer abc123def"),
        ("APP_SALT", "5f2b8c0de1a94736b8d2f0c4e7a1963d"),
        ("spring.datasource.password", "letmein"),
    ] {
        wrong.extend((of_variable(name, value) != Some(Kind::Name)).then(|| format!("{name}={value} {:?}", of_variable(name, value))));
    }
    for (name, value) in [
        ("DATABASE_URL", "postgres://records:hunter2@db.records:5432/records"),
        ("DATABASE_URL", "postgres://records:$ummer2024@db.records/records"),
        ("DATABASE_URL", "postgres://records:hunter2/2@db.records/records"),
        ("AMQP", "amqps://u:p%40ss@mq/v"),
        ("PROXY", "http://proxyuser:Pr0xy@proxy:3128"),
        ("PROXY", "proxyuser:Pr0xy@proxy:3128"),
        ("REDIS", "redis://:hunter22@redis:6379/0"),
        ("DATABASE_DSN", "app:hunter22@tcp(db:3306)/records"),
        ("ORACLE_CONN", "scott/tiger@db:1521/orcl"),
        ("ORACLE_CONN", "jdbc:oracle:thin:scott/tiger@db:1521:orcl"),
        ("CONN", "Server=db;User Id=sa;Password=Sommer2024;"),
        ("JDBC", "jdbc:sqlserver://db:1433;user=sa;password=hunter22"),
        ("JDBC", "jdbc:postgresql://db/records?user=app&password=hunter22"),
        ("BLOB", "DefaultEndpointsProtocol=https;AccountName=clinic;AccountKey=abcdefABCDEF0123=="),
        ("BLOB", "https://clinic.blob.core.windows.net/c?sv=2022-11-02&sig=Zx81kQpWmv93LsTgYb27Zx81kQpWmv93LsTgYb27abc%3D"),
        ("BUS", "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=abcdefABCDEF0123="),
    ] {
        wrong.extend((of_variable(name, value) != Some(Kind::Url)).then(|| format!("{name}={value} {:?}", of_variable(name, value))));
    }
    // Put together, so that no scanner takes the test for a leak.
    let formats = [
        format!("AKIA{}", "IOSFODNN7EXAMPLE"),
        format!("ghp_{}", "0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b"),
        format!("glpat-{}", "0a1b2c3d4e5f6a7b8c9d"),
        format!("glptt-{}", "0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d"),
        format!("xoxb-{}", "123456789012-123456789012-abcdefABCDEF"),
        format!("sk_live_{}", "0a1b2c3d4e5f6a7b8c9d"),
        format!("npm_{}", "0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b"),
        format!("aB38Q~{}", "0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a"),
        format!("110201543:AA{}", "HdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"),
        format!("https://hooks.slack.com/services/T{}", "0000AAAA/B0000AAAA/abcdefghijklmnopqrstuvwx"),
        format!("-----BEGIN RSA {} KEY-----\nMIIE", "PRIVATE"),
        format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJlLW9mLXRoaXM", "eyJzdWIiOiIxMjM0In0"),
    ];
    for value in formats {
        assert_eq!(of_variable("SETTING", &value), Some(Kind::Format), "{value}");
        assert_eq!(of_variable("SETTING", &format!("x=1 key={value} more")), Some(Kind::Format), "{value}");
    }
    assert_eq!(of_variable("UPLINK", "q7Rk2ZxV9bTn4LwYc8JfHs3D"), Some(Kind::Random));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn texts_that_hold_credentials_inside() {
    let mut wrong = Vec::new();
    let google = format!(r#"{{"type":"service_account","private_key":"-----BEGIN {} KEY-----\nMIIE\n"}}"#, "PRIVATE");
    assert_eq!(of_variable("KEYFILE_JSON", &google), Some(Kind::Format));
    for (name, value) in [
        ("JAVA_OPTS", "-Xmx1g -Dspring.datasource.password=hunter22"),
        ("EXTRA_ARGS", "--db-password=hunter22 --verbose"),
        ("EXTRA_ARGS", "--verbose --db-password hunter22"),
        ("HELM_OPTS", "--set db.user=app,db.password=hunter22"),
        ("SPRING_APPLICATION_JSON", r#"{"spring":{"datasource":{"password":"hunter22"}}}"#),
        ("SPRING_APPLICATION_JSON", r#"{"password" : "$ummer2024!"}"#),
        ("CONFIG", r#"{\"password\":\"hunter22\"}"#),
        ("ENVIRONMENT", r#"[{"name":"DB_PASSWORD","value":"hunter22"}]"#),
        ("CONFIG", "[db]\nuser=app\npassword=hunter22\n"),
        ("CONFIG", "db:\n  user: app\n  password: hunter22\n"),
        ("CONFIG", "db:\n  password: |\n    hunter22\n"),
        ("CONFIG", "db:\n  passwords:\n  - x\n  password: 'hunter22'"),
        ("CONFIG", "<db><password>hunter22</password></db>"),
        ("CONFIG", r#"<add key="Password" value="hunter22"/>"#),
        ("CONFIG", "port 6379\nrequirepass hunter22\n"),
        ("NETRC", "machine git.example login bot password hunter22"),
        ("CONFIG", "password=${DB_PASSWORD:hunter22}"),
        ("CONFIG", "password: ${DB_PASSWORD:-hunter22}"),
        ("INIT", "CREATE USER 'app'@'%' IDENTIFIED BY 'hunter22'"),
        ("INIT", "ALTER ROLE app WITH PASSWORD 'hunter22';"),
        ("DOCKER_CONFIG_JSON", r#"{"auths":{"r.example":{"auth":"dXNlcjpodW50ZXIyMg=="}}}"#),
        ("CONN", "host=db user=app password=hunter22"),
        ("JAAS", "PlainLoginModule required username='a' password='hunter22';"),
        ("JAAS", "PlainLoginModule required username=\"a\" password=\"hunter22\";"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic YWRtaW46aHVudGVyMjI="),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc123def"),
        ("HEADERS", "X-Api-Key: abc123def"),
        // {"password":"hunter22"} and postgres://u:hunter22@db/x in base64.
        ("CONFIG_B64", "eyJwYXNzd29yZCI6Imh1bnRlcjIyIn0="),
        ("SETTING", "cG9zdGdyZXM6Ly91Omh1bnRlcjIyQGRiL3g"),
    ] {
        wrong.extend(of_variable(name, value).is_none().then(|| format!("{name}={value}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn variables_that_hold_none() {
    let mut wrong = Vec::new();
    for (name, value) in [
        ("DB_PASSWORD", "$(DB_PASSWORD_FROM_SECRET)"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD", "${DB_PASSWORD:-}"),
        ("DB_PASSWORD", "${DB_PASSWORD:?is not set}"),
        ("DB_PASSWORD", "$DB_PASSWORD"),
        ("DB_PASSWORD", "$(PREFIX)-$(SUFFIX)"),
        ("DB_SECRET", "$(RELEASE)-db"),
        ("DB_PASSWORD", "{{ .Values.password }}"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "<fill in>"),
        ("DB_PASSWORD", "%DB_PASSWORD%"),
        ("DB_PASSWORD", "[REDACTED]"),
        ("DB_PASSWORD", "xxxxxxxx"),
        ("DB_PASSWORD", "********"),
        ("DB_PASSWORD", "your-password-here"),
        ("API_KEY", "YOUR_API_KEY"),
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
        ("DB_PASSWORD", "/run/secrets/db-password"),
        ("DB_PASSWORD", "vault:secret/data/db#password"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db"),
        ("DB_PASSWORD", "projects/clinic/secrets/db/versions/1"),
        ("ADMIN_PASSWORD", "$2y$10$abcdefghijklmnopqrstuv"),
        ("ALLOW_EMPTY_PASSWORD", "yes"),
        ("MYSQL_RANDOM_ROOT_PASSWORD", "true"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("PASSWORD_RESET_FROM", "noreply@clinic.example"),
        ("PASSWORD_ENCRYPTION", "scram-sha-256"),
        ("PASSWORD_HASHER", "argon2id"),
        ("PASSWORD_STRENGTH", "medium"),
        ("GIT_CREDENTIAL_HELPER", "store"),
        ("AWS_CREDENTIAL_PROFILE", "production"),
        ("CREDENTIALS", "records-db"),
        ("CREDENTIALS_DOMAIN", "clinic.example"),
        ("SESSION_TOKEN_COOKIE_DOMAIN", "clinic.example"),
        ("SESSION_COOKIE", "clinic_session1"),
        ("DB_SECRET", "db-credentials"),
        ("DB_SECRET", "records-db-2"),
        ("TLS_SECRET", "records-tls"),
        ("SECRETS_BACKEND", "vault-kv"),
        ("VAULT_SECRET_ENGINE_VERSION", "v2x"),
        ("TOKEN_TTL", "3600"),
        ("ACCESS_TOKEN_LIFETIME", "15m"),
        ("TOKEN", "3600"),
        ("TOKEN_SYMBOL", "USD"),
        ("TOKEN_URL", "https://login.clinic.example/oauth/token"),
        ("OAUTH_TOKEN", "https://login.clinic.example/oauth/token"),
        ("SECRET_NAME", "records-db"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp/key.json"),
        ("MAX_TOKENS", "4096"),
        ("TOKENIZER", "cl100k_base"),
        ("COMPASS_MODE", "north"),
        ("BYPASS", "internal-1"),
        ("PWD", "/app"),
        ("PARTITION_KEY", "patient_id"),
        ("ROUTING_KEY", "PatientCreated"),
        ("API_KEY_HEADER", "X-Api-Key"),
        ("PROXY_AUTH", "oauth2"),
        ("AUTH", "ldap"),
        ("LED_PIN", "17"),
        ("PUBLIC_KEY", "MCowBQYDK2VwAyEA"),
        ("PUBLIC_KEY", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9Zk0r7m2aVJ1o2b3"),
        ("SSH_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGx1 bot"),
        ("TLS_CERT", "MIIBhTCCASugAwIBAgIQIRi6zePL6mKjOipn+dNuaTAKBggqhkjOPQQDAjASMRAw"),
        ("DATABASE_URL", "postgres://db.records:5432/records"),
        ("DATABASE_URL", "postgres://records@db.records/records"),
        ("DATABASE_URL", "postgres://$(USER):$(PASSWORD)@db.records/records"),
        ("DATABASE_URL", "postgres://app:$DB_PASSWORD@db.records/records"),
        ("CONN", "Server=db;User Id=sa;Password=$(DB_PASSWORD);"),
        ("REGISTRY", "https://registry.clinic.example:4873/@clinic/portal"),
        ("IMAGE", "registry.clinic.example/records/token:1.8.2@sha256:5f2b8c0de1a94736b8d2f0c4e7a1963d5f2b8c0de1a94736b8d2f0c4e7a1963d"),
        ("PRINCIPAL", "HTTP/records.clinic.example@CLINIC.EXAMPLE"),
        ("REPLY", "mailto:noreply@clinic.example"),
        ("PACKAGE", "npm:react@17.0.2"),
        ("GIT_COMMIT", "5f2b8c0de1a94736b8d2f0c4e7a1963d5f2b8c0d"),
        ("CONFIG_CHECKSUM", "5f2b8c0de1a94736b8d2f0c4e7a1963d5f2b8c0de1a94736b8d2f0c4e7a1963d"),
        ("IMAGE_DIGEST", "sha256:5f2b8c0de1a94736b8d2f0c4e7a1963d5f2b8c0de1a94736b8d2f0c4e7a1963d"),
        ("INSTANCE", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("CLIENT_ID", "3f1b9a4c-77aa-4c3e-9a41-5b6f0f1d2e3c"),
        ("TRACE_ID", "Zx81kQpWmv93LsTgYb27"),
        ("JAVA_OPTS", "-XX:MaxRAMPercentage=75.0 -Dfile.encoding=UTF-8 -Djavax.net.ssl.trustStore=/etc/pki/trust.p12"),
        ("CLASS", "org.clinic.records.Service2ImplementationFactory"),
        ("NOTE", "see http://wiki/page?user=a:b@c"),
        ("CONFIG", "db:\n  passwordFrom: env\n  password: ${DB_PASSWORD}\n  tokenTtl: 1h\n"),
        ("CONFIG", r#"{"secretName":"records-db","password":{"valueFrom":"x"},"token":null}"#),
        ("CONFIG", "secret: records-db\ntoken:\n  ttl: 3600\n"),
        ("SCHEMA", r#"{"password":{"type":"string"}}"#),
        ("UPSTREAM", "http://secret:8080/token:1"),
        ("PROXY_PASS", "backend:8080"),
        ("GIT_ASKPASS", "echo"),
        ("DEFAULT_SSL_SECRET", "ingress/wildcard-tls"),
        ("STORAGE_KEY", "patients/2024/a1"),
        ("LOG_FORMAT", r#"{"time":"$time","token":"$http_token","authorization":"$http_authorization"}"#),
        ("TEMPLATE", "user=%(user)s;password=%(password)s"),
        ("TEMPLATE", r#"{"password":"%s","token":"{token}"}"#),
        ("QUERY", "SELECT 1 FROM users WHERE password = :password"),
        ("TOKEN_ENDPOINT_AUTH_METHOD", "client_secret_basic"),
        ("PASSWORD_COMMAND", "cat /run/secrets/db"),
        ("VALUES", "existingSecret: records-db\nimagePullSecrets:\n- regcred\npasswordKey: admin-password\n"),
        ("LANG", "en_US.UTF-8"),
    ] {
        wrong.extend(of_variable(name, value).is_some().then(|| format!("{name}={value} {:?}", of_variable(name, value))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn arguments_in_every_spelling() {
    let mut wrong = Vec::new();
    for line in [
        "--token|abc123def",
        "--token=abc123def",
        "-token=abc123def",
        "-password|hunter2",
        "--password|-hunter22",
        "--secret|your-real-one-77",
        "--db.password=hunter2",
        "/password:hunter22",
        "password=hunter2",
        r#"{"password":"hunter22"}"#,
        "--from-literal=password=hunter22",
        "--set=auth.password=hunter22",
        "--set|image.tag=1,auth.password=hunter22",
        "-e|DB_PASSWORD=hunter22",
        "--dsn|user:hunter22@tcp(db:3306)/records",
        "sh|-c|PASSWORD=hunter2 run",
        "sh|-c|export DB_PASSWORD='hunter2'; exec run",
        "sh|-c|export DB_PASSWORD='$ummer24'; exec run",
        "sh|-c|export DB_PASSWORD=${DB_PASSWORD:-hunter2}; exec run",
        "sh|-c|run --token abc123def",
        "sh|-c|run --token=abc123def && sleep 1",
        "sh|-c|printf 'password: hunter22' > /etc/app.yml; exec app",
        "sh|-c|cat > /etc/app.conf <<EOF\nuser=app\npassword=hunter22\nEOF\nexec app",
        "sh|-c|docker run --env=DB_PASSWORD=hunter22 x",
        "sh|-c|mysqldump -uroot -phunter22 db",
        "sh|-c|don't stop; mysqldump -uroot -phunter22 db",
        "sh|-c|TOKEN=$(curl -u admin:hunter22 http://x) run",
        "sh|-c|bash -c \"redis-cli -a hunter22\"",
        "sh|-c|curl -H 'X-Auth-Token: hunter22' http://x",
        "sh|-c|curl -H 'Authorization: Bearer abc123def' http://x",
        "sh|-c|psql postgres://u:hunter2@db/x",
        "sh|-c|psql \"host=db user=app password=hunter22\"",
        "java|-Ddb.password=hunter2|-jar|x.jar",
        "curl|-u|admin:hunter2|http://x",
        "curl|-uadmin:hunter2|http://x",
        "curl|-H|Authorization: Bearer abc123def",
        "curl|--header=Authorization: Bearer abc123def",
        "--dsn=postgres://u:hunter2@db/x",
        "redis-server|--requirepass|hunter2",
        "redis-cli|-a|hunter22",
        "mysql|-uroot|-phunter22",
        "/usr/bin/mysql|-phunter22",
        "env|X=1|mysql|-phunter22",
        "sshpass|-p|hunter22|ssh|x",
        "mongosh|-u|app|-p|hunter22",
        "docker|login|-u|bot|-p|hunter22",
        "rabbitmqctl|add_user|app|hunter22",
        "ldapsearch|-x|-w|hunter22",
        "sqlplus|scott/tiger@ORCL",
        "openssl|enc|-pass|pass:hunter22",
        "etcdctl|--user|root:hunter22|get",
        "mc|alias|set|files|http://minio:9000|app|hunter22",
        "sh|-c|mc admin user add files app hunter22",
        "vault|login|hunter22",
        "--config=eyJwYXNzd29yZCI6Imh1bnRlcjIyIn0=",
    ] {
        wrong.extend(words(line).is_none().then_some(line));
    }
    // Arguments of the command in front of them.
    let mut program = None;
    assert_eq!(of_words(&["mysql"], &mut program), [None]);
    assert_eq!(of_words(&["-uroot", "-phunter22"], &mut program), [None, Some(Kind::Place)]);
    assert_eq!(words("-uroot|-phunter22"), None);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn arguments_that_hold_none() {
    let mut wrong = Vec::new();
    for line in [
        "--token|$(TOKEN)",
        "--token=$(TOKEN)",
        "--token-file=/run/token",
        "--token-file|/run/token",
        "--password-stdin",
        "--token|--verbose",
        "--token|-v",
        "--use-token=true",
        "--token-review|always",
        "--tls-private-key-file=/etc/tls/tls.key",
        "--secret-name=records-tls",
        "--webhook-secret|records-webhook",
        "--token-ttl|1h",
        "--from-file=password=pw.txt",
        "--from-file|password=pw.txt",
        "--from-literal=password=$(DB_PASSWORD)",
        "--set-file|db.password=pw.txt",
        "--authorization-mode=Node,RBAC",
        "--image=registry.example/app@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "sh|-c|run --token $TOKEN",
        "sh|-c|export PASSWORD=$(cat /run/secrets/db)",
        "sh|-c|PASSWORD=\"${PASSWORD}\" run",
        "sh|-c|PASSWORD= run",
        "sh|-c|if [ \"$PASSWORD\" = \"\" ]; then exit 1; fi",
        "sh|-c|if [ \"$MODE\" == token ]; then exit 1; fi",
        "sh|-c|read -s -p \"Password: \" X; exec run",
        "sh|-c|: ${PASSWORD:?is missing}; exec run",
        "sh|-c|grep 'password=' /etc/app.conf",
        "sh|-c|sed -i \"s/PASSWORD=.*/PASSWORD=$PW/\" /etc/app.conf",
        "sh|-c|mysql -u root -p$MYSQL_ROOT_PASSWORD db",
        "sh|-c|mysql -u root -p\"$PW\" -P 3306 db",
        "sh|-c|curl -u \"$USER:$PASSWORD\" http://x",
        "sh|-c|curl -H \"Authorization: Bearer $(cat /run/token)\" http://x",
        "sh|-c|redis-cli -a $REDIS_PASSWORD ping",
        "sh|-c|kubectl get secret db -o jsonpath={.data.password}",
        "sh|-c|echo no password here",
        "sh|-c|exec /app --listen :8080 --config /etc/app/config.yaml",
        "python|-c|connect(password=os.environ[\"DB_PASSWORD\"], token=settings.token, secret=get_secret())",
        "docker|run|-p|8080:80|x",
        "sshpass|-e|ssh|-p|2222|files",
        "nodetool|-p|7199|status",
        "vault|login|-method=kubernetes|role=records",
        "mc|alias|set|files|http://minio:9000|$ACCESS|$SECRET",
        "sh|-c|test -n \"$PASSWORD\" && echo \"PASSWORD: not set\"",
        "sh|-c|echo \"token: expired\"; echo \"secret: created\"",
        "sh|-c|[ -z \"$PASSWORD\" ] && echo password: missing",
        "sh|-c|[[ $PASSWORD == '' ]] && echo password: missing",
        "--default-ssl-certificate=ingress/wildcard-tls",
        "--enable-bootstrap-token-auth=true",
        "--authentication-token-webhook-cache-ttl=2m0s",
        "docker|run|-u|app:app|x",
        "mysql|--port=3306|-P|3306",
        "--user=1000:1000",
        "--user=nginx:nginx",
        "--secure-port=6443",
        "--v=4",
        "-c|/etc/config.yaml",
    ] {
        wrong.extend(words(line).map(|kind| format!("{line} {kind:?}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Computing time of this thread, which does not grow with what else the machine does; where no such clock can be read, time.
#[expect(clippy::disallowed_methods, reason = "a test of how long it takes")]
fn clock(begin: Instant) -> Duration {
    // Nanoseconds on a processor stand first (Documentation/scheduler/sched-stats.rst of Linux).
    let computed = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = computed.and_then(|text| text.split_ascii_whitespace().next()?.parse().ok()).filter(|ns| *ns > 0);
    nanoseconds.map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

/// Whether sixteen times as much takes at most about that many times as long; the best of some tries counts. What looks at everything again
/// for each sign takes 256 times as long.
#[expect(clippy::disallowed_methods, reason = "a test of how long it takes")]
fn grows_no_faster(what: &str, size: usize, work: impl Fn(usize)) {
    let begin = Instant::now();
    let time = |size: usize| {
        let before = clock(begin);
        work(size);
        clock(begin) - before
    };
    let small = (0..3).map(|_| time(size / 16)).min().unwrap_or_default();
    // The kernel counts a running thread at its next tick.
    let most = small * 16 * 5 + Duration::from_millis(100);
    let mut all = Vec::new();
    while all.len() < 5 && all.last().is_none_or(|last| *last >= most) {
        all.push(time(size));
    }
    assert!(all.last().is_some_and(|last| *last < most), "{what}: {all:?}, a part took {small:?}");
}

/// A value of the size of the largest object is judged in a moment, whatever stands in it: nothing is looked at again for each sign.
#[test]
fn the_time_grows_with_the_length_and_no_faster() {
    const SIZE: usize = 1 << 18;
    for part in [
        "=",
        ":",
        "://",
        "@",
        "eyJ",
        "a",
        "a.",
        "eyJa.",
        "password=$(",
        "password=${A}",
        "password:",
        "${",
        "$(",
        "\"",
        "'",
        "\\",
        "{{",
        "a:b@",
        "-p ",
        "AKIA",
        "token ",
        "`",
        "( ",
        "name: password\n",
        "<password>",
        "https://a:",
        "identified by '",
        "login machine password\n",
        "\u{e4}",
        "mysql -p$ ",
        "sh -c '",
        "password=\"",
    ] {
        grows_no_faster(part, SIZE, |size| {
            let text = part.repeat(size / part.len());
            let _ = of_variable("SETTING", &text);
            let _ = of_variable("EXTRA_ARGS", &format!("- {text}"));
            let _ = of_words(&["sh", "-c", text.as_str()], &mut None);
        });
    }
    grows_no_faster("many words", 100_000, |size| {
        let many: Vec<&str> = std::iter::repeat_n("login", size).collect();
        let _ = of_words(&many, &mut None);
    });
}

#[test]
fn a_marker_tells_its_kind_and_begins_as_everything_redacted() {
    for kind in Kind::ALL {
        assert_eq!(Kind::in_stored(&format!("--x={}", kind.marker())), Some(kind));
        assert!(kind.marker().starts_with("[redacted]"));
    }
    assert_eq!(Kind::in_stored("[redacted]"), None);
}
