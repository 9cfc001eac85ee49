use super::*;

fn words(line: &str) -> Option<Kind> {
    let words: Vec<&str> = line.split('|').collect();
    of_words(&words).into_iter().flatten().next()
}

#[test]
fn variables_that_hold_credentials() {
    let by_name = [
        ("DB_PASSWORD", "hunter2"),
        ("dbPassword", "Sommer2024!"),
        ("POSTGRES_PASSWORD", "postgres"),
        ("MYSQL_PWD", "s3cret"),
        ("SMTP_PASS", "12345"),
        ("REDIS_PASSWORD", "changeme"),
        ("CLIENT_SECRET", "9bd0a7f2"),
        ("DJANGO_SECRET_KEY", "not-so-secret-1"),
        ("API_TOKEN", "abc123def"),
        ("ENCRYPTION_KEY", "0123456789abcdef"),
        ("PGPASSWORD", "x1"),
        ("spring.datasource.password", "letmein"),
    ];
    for (name, value) in by_name {
        assert_eq!(of_variable(name, value), Some(Kind::Name), "{name}={value}");
    }
    for (name, value) in [
        ("DATABASE_URL", "postgres://records:hunter2@db.records:5432/records"),
        ("AMQP", "amqps://u:p%40ss@mq/v"),
        ("PROXY", "http://proxyuser:Pr0xy@proxy:3128"),
        ("CONN", "Server=db;User Id=sa;Password=Sommer2024;"),
        ("BLOB", "DefaultEndpointsProtocol=https;AccountName=clinic;AccountKey=abcdefABCDEF0123=="),
    ] {
        assert_eq!(of_variable(name, value), Some(Kind::Url), "{name}={value}");
    }
    // Put together, so that no scanner takes the test for a leak.
    let formats = [
        format!("AKIA{}", "IOSFODNN7EXAMPLE"),
        format!("ghp_{}", "0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b"),
        format!("xoxb-{}", "123456789012-123456789012-abcdefABCDEF"),
        format!("-----BEGIN RSA {} KEY-----\nMIIE", "PRIVATE"),
        format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJlLW9mLXRoaXM", "eyJzdWIiOiIxMjM0In0"),
    ];
    for value in formats {
        assert_eq!(of_variable("SETTING", &value), Some(Kind::Format), "{value}");
    }
    assert_eq!(of_variable("UPLINK", "q7Rk2ZxV9bTn4LwYc8JfHs3D"), Some(Kind::Random));
    assert_eq!(of_variable("APP_SALT", "5f2b8c0de1a94736b8d2f0c4e7a1963d"), Some(Kind::Random));
}

#[test]
fn variables_that_hold_none() {
    for (name, value) in [
        ("DB_PASSWORD", "$(DB_PASSWORD_FROM_SECRET)"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD", "{{ .Values.password }}"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "<fill in>"),
        ("DB_PASSWORD", "xxxxxxxx"),
        ("DB_PASSWORD", "********"),
        ("DB_PASSWORD", "your-password-here"),
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
        ("DB_PASSWORD", "/run/secrets/db-password"),
        ("DB_PASSWORD", "vault:secret/data/db#password"),
        ("ALLOW_EMPTY_PASSWORD", "yes"),
        ("MYSQL_RANDOM_ROOT_PASSWORD", "true"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("TOKEN_TTL", "3600"),
        ("ACCESS_TOKEN_LIFETIME", "15m"),
        ("TOKEN", "3600"),
        ("SECRET_NAME", "records-db"),
        ("TLS_SECRET", "records-tls"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp/key.json"),
        ("MAX_TOKENS", "4096"),
        ("TOKENIZER", "cl100k_base"),
        ("COMPASS_MODE", "north"),
        ("PWD", "/app"),
        ("PARTITION_KEY", "patient_id"),
        ("API_KEY_HEADER", "X-Api-Key"),
        ("PUBLIC_KEY", "MCowBQYDK2VwAyEA"),
        ("DATABASE_URL", "postgres://db.records:5432/records"),
        ("DATABASE_URL", "postgres://records@db.records/records"),
        ("DATABASE_URL", "postgres://$(USER):$(PASSWORD)@db.records/records"),
        ("GIT_COMMIT", "5f2b8c0de1a94736b8d2f0c4e7a1963d5f2b8c0d"),
        ("IMAGE_DIGEST", "sha256:5f2b8c0de1a94736b8d2f0c4e7a1963d5f2b8c0de1a94736b8d2f0c4e7a1963d"),
        ("INSTANCE", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("JAVA_OPTS", "-XX:MaxRAMPercentage=75.0 -Dfile.encoding=UTF-8"),
        ("CLASS", "org.clinic.records.Service2ImplementationFactory"),
        ("NOTE", "see http://wiki/page?user=a:b@c"),
        ("LANG", "en_US.UTF-8"),
    ] {
        assert_eq!(of_variable(name, value), None, "{name}={value}");
    }
}

#[test]
fn arguments_in_every_spelling() {
    for line in [
        "--token|abc123def",
        "--token=abc123def",
        "-token=abc123def",
        "-password|hunter2",
        "--db.password=hunter2",
        "password=hunter2",
        "sh|-c|PASSWORD=hunter2 run",
        "sh|-c|export DB_PASSWORD='hunter2'; exec run",
        "sh|-c|run --token abc123def",
        "sh|-c|run --token=abc123def && sleep 1",
        "java|-Ddb.password=hunter2|-jar|x.jar",
        "curl|-u|admin:hunter2|http://x",
        "curl|-H|Authorization: Bearer abc123def",
        "sh|-c|curl -H 'Authorization: Bearer abc123def' http://x",
        "sh|-c|psql postgres://u:hunter2@db/x",
        "--dsn=postgres://u:hunter2@db/x",
        "redis-server|--requirepass|hunter2",
    ] {
        assert!(words(line).is_some(), "{line}");
    }
}

#[test]
fn arguments_that_hold_none() {
    for line in [
        "--token|$(TOKEN)",
        "--token=$(TOKEN)",
        "--token-file=/run/token",
        "--token-file|/run/token",
        "--password-stdin",
        "--token|--verbose",
        "--use-token=true",
        "--tls-private-key-file=/etc/tls/tls.key",
        "--secret-name=records-tls",
        "--webhook-secret|records-webhook",
        "--token-ttl|1h",
        "sh|-c|run --token $TOKEN",
        "sh|-c|export PASSWORD=$(cat /run/secrets/db)",
        "sh|-c|PASSWORD=\"${PASSWORD}\" run",
        "sh|-c|echo no password here",
        "--user=1000:1000",
        "--secure-port=6443",
        "--v=4",
        "-c|/etc/config.yaml",
    ] {
        assert_eq!(words(line), None, "{line}");
    }
}

#[test]
fn a_marker_tells_its_kind_and_begins_as_everything_redacted() {
    for kind in Kind::ALL {
        assert_eq!(Kind::in_stored(&format!("--x={}", kind.marker())), Some(kind));
        assert!(kind.marker().starts_with("[redacted]"));
    }
    assert_eq!(Kind::in_stored("[redacted]"), None);
}
