//! Real object stores on loopback, and a proxy before them that does what networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As secret as the tests have them: they must never come out.
pub const KEY: &str = "KUBEHIPAATESTKEY0001";
pub const SECRET: &str = "a-secret-that-must-never-be-printed";

/// The folder of the stores' programs.
fn programs() -> PathBuf {
    let output = Command::new("sh").arg("tests/store/build.sh").stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "tests/store/build.sh failed: make setup");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that ends with the value.
pub struct Server {
    child: Child,
    pub port: u16,
    pub scheme: &'static str,
    programs: PathBuf,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Server {
    fn start(scheme: &'static str, command: impl FnOnce(&Path, u16, &Path) -> Command) -> Self {
        let (programs, data, port) = (programs(), tempfile::tempdir().unwrap(), free_port());
        let log = std::fs::File::create(data.path().join("log")).unwrap();
        std::fs::create_dir(data.path().join("data")).unwrap();
        let mut command = command(&programs, port, &data.path().join("data"));
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut server = Self { child, port, scheme, programs, _data: data };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            let log = || std::fs::read_to_string(server._data.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && begin.elapsed() < Duration::from_secs(60), "a store does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// S3 with object lock, real signatures and, with certificate and key, TLS.
    pub fn versitygw(tls: Option<(&Path, &Path)>) -> Self {
        Self::start(if tls.is_some() { "https" } else { "http" }, |programs, port, data| {
            let mut command = Command::new(programs.join("versitygw"));
            command.args(["--access", KEY, "--secret", SECRET, "--port", &format!("127.0.0.1:{port}"), "--quiet"]);
            if let Some((certificate, key)) = tls {
                command.arg("--cert").arg(certificate).arg("--key").arg(key);
            }
            let versions = data.with_file_name("versions");
            std::fs::create_dir(&versions).unwrap();
            // Outside of what a file system may not know: attributes lie beside the files.
            let sidecar = data.with_file_name("sidecar");
            std::fs::create_dir(&sidecar).unwrap();
            command.arg("posix").arg("--versioning-dir").arg(versions).arg("--sidecar").arg(sidecar).arg(data);
            command
        })
    }

    /// S3 with the error codes of Amazon's.
    pub fn moto() -> Self {
        Self::start("http", |programs, port, _| {
            let mut command = Command::new(programs.join("moto/bin/moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        })
    }

    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// Runs Python with a client of Amazon's own library as `s3`, which knows nothing of this program.
    pub fn python(&self, script: &str) -> Output {
        let begin = format!(
            "import boto3, botocore, datetime\ns3 = boto3.client('s3', endpoint_url='{}', aws_access_key_id='{KEY}', aws_secret_access_key='{SECRET}', region_name='us-east-1', verify=False)\n",
            self.url()
        );
        Command::new(self.programs.join("moto/bin/python")).args(["-W", "ignore", "-c", &format!("{begin}{script}")]).output().unwrap()
    }

    /// The same, which must work.
    pub fn must(&self, script: &str) -> String {
        let output = self.python(script);
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Makes a bucket; with a lock every object is kept for so many years by default.
    pub fn bucket(&self, name: &str, lock: Option<(&str, u32)>) {
        let locked = if lock.is_some() { ", ObjectLockEnabledForBucket=True" } else { "" };
        self.must(&format!("s3.create_bucket(Bucket='{name}'{locked})"));
        if let Some((mode, years)) = lock {
            self.must(&format!(
                "s3.put_object_lock_configuration(Bucket='{name}', ObjectLockConfiguration={{'ObjectLockEnabled': 'Enabled', 'Rule': {{'DefaultRetention': {{'Mode': '{mode}', 'Years': {years}}}}}}})"
            ));
        }
    }
}

/// The variables by which the program reaches a store of S3.
pub fn variables(url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", url.to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not passed on; the answer is an error of the server.
    Unavailable,
    /// It is not passed on; the connection ends.
    Reset,
    /// It is passed on, and the answer is lost.
    AnswerLost,
    /// It is passed on, and the answer is an error of the server.
    ErrorAfter,
    /// It is not passed on, and the answer says that it was.
    Lie,
    /// A bit of what comes back is another one.
    Flipped,
    /// The answer ends half way.
    CutOff,
}

type Plan = Arc<Mutex<Vec<(String, Fault)>>>;

/// Passes requests on, and does to each what is planned.
pub struct Proxy {
    pub port: u16,
    plan: Plan,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn before(server: &Server) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, to) = (socket.local_addr().unwrap().port(), server.port);
        let (plan, seen) = (Plan::default(), Arc::<Mutex<Vec<String>>>::default());
        let (plans, book) = (Arc::clone(&plan), Arc::clone(&seen));
        std::thread::spawn(move || {
            for connection in socket.incoming().flatten() {
                let (plans, book) = (Arc::clone(&plans), Arc::clone(&book));
                std::thread::spawn(move || {
                    // Whoever breaks off has asked nothing.
                    let _ended = serve(connection, to, &plans, &book);
                });
            }
        });
        Self { port, plan, seen }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The first requests whose first line contains such a text fare so, each once.
    pub fn plan(&self, faults: &[(&str, Fault)]) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) =
            faults.iter().map(|(text, fault)| ((*text).to_owned(), *fault)).collect();
    }

    /// Faults that did not happen.
    pub fn left(&self) -> usize {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The first lines of the requests since the last time.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Head and body of a message; `None` at the end.
fn message(from: &mut impl Read, of_head: bool) -> std::io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if from.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|value| value.trim().parse().ok());
    let mut body = Vec::new();
    if of_head || text.starts_with("http/1.1 204") || text.starts_with("http/1.1 304") {
        return Ok(Some((head, body)));
    }
    match length {
        Some(length) => {
            body.resize(length, 0);
            from.read_exact(&mut body)?;
        }
        // Chunks, or all up to the end: the connection is closed behind it.
        None if text.starts_with("http/") => drop(from.read_to_end(&mut body)?),
        None => {}
    }
    Ok(Some((head, body)))
}

fn serve(mut client: TcpStream, to: u16, plans: &Plan, book: &Mutex<Vec<String>>) -> std::io::Result<()> {
    while let Some((head, body)) = message(&mut client, false)? {
        let text = String::from_utf8_lossy(&head).into_owned();
        let line = text.lines().next().unwrap_or_default().to_owned();
        book.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        let fault = {
            let mut plan = plans.lock().unwrap_or_else(PoisonError::into_inner);
            let at = plan.iter().position(|(part, _)| line.contains(part.as_str()));
            at.map(|at| plan.remove(at).1)
        };
        let short = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes();
        match fault {
            Some(Fault::Unavailable) => {
                client.write_all(&short("503 Service Unavailable"))?;
                continue;
            }
            Some(Fault::Lie) => {
                client.write_all(b"HTTP/1.1 200 OK\r\netag: \"0\"\r\ncontent-length: 0\r\n\r\n")?;
                continue;
            }
            Some(Fault::Reset) => return client.shutdown(Shutdown::Both),
            _ => {}
        }
        let mut server = TcpStream::connect(("127.0.0.1", to))?;
        // One request a connection: its end is the end of the answer.
        let asked: String =
            text.lines().filter(|line| !line.to_lowercase().starts_with("connection:")).map(|line| format!("{line}\r\n")).collect();
        let asked = asked.trim_end_matches("\r\n").to_owned() + "\r\nConnection: close\r\n\r\n";
        server.write_all(asked.as_bytes())?;
        server.write_all(&body)?;
        let Some((mut answer, mut content)) = message(&mut server, line.starts_with("HEAD "))? else { return Ok(()) };
        match fault {
            Some(Fault::AnswerLost) => return client.shutdown(Shutdown::Both),
            Some(Fault::ErrorAfter) => answer = short("500 Internal Server Error"),
            Some(Fault::Flipped) => {
                let at = content.len() / 2;
                content[at] ^= 1;
            }
            Some(Fault::CutOff) => content.truncate(content.len() / 2),
            _ => {}
        }
        if fault == Some(Fault::ErrorAfter) {
            content.clear();
        }
        client.write_all(&answer)?;
        client.write_all(&content)?;
        if fault == Some(Fault::CutOff) || !String::from_utf8_lossy(&answer).to_lowercase().contains("content-length:") {
            return client.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}
