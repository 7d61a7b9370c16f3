//! A PostgreSQL server of the tests' own: on a socket in a folder of its own, gone with the process.

#![allow(dead_code, reason = "each test target uses its own part of it")]

use openvox_operator::journal::{JournalUrl, PostgresStore, PostgresUrl};
use sqlx::{Connection as _, PgConnection};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the server may take to start; it takes less than a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Everybody on its socket is its superuser `postgres`; the role `journal` needs its password.
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    server: Mutex<Option<Child>>,
    /// Whether it waits for the disk, as servers do that have something to lose.
    durable: bool,
    databases: AtomicU32,
    _guard: Child,
}

impl Postgres {
    /// The server that all tests of this process share. `None`, with a line about it, where there can be none.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(Self::own).as_ref()
    }

    /// A server of one test, which may stop it.
    pub fn own() -> Option<Self> {
        Self::made(false)
    }

    /// A server that is as slow as a real one.
    pub fn durable() -> Option<Self> {
        Self::made(true)
    }

    fn made(durable: bool) -> Option<Self> {
        let Some(programs) = programs() else {
            // Past the capture of the test harness: nobody should take this for a pass.
            let line = "SKIPPED: no PostgreSQL server program; install the Debian package postgresql\n";
            std::io::stderr().write_all(line.as_bytes()).expect("stderr");
            return None;
        };
        let folder = TempDir::new().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).expect("permissions");
        for sub in ["data", "socket"] {
            let path = folder.path().join(sub);
            std::fs::create_dir(&path).expect("a folder");
            if is_root() {
                let owned = Command::new("chown").arg("postgres").arg(&path).status().expect("chown");
                assert!(owned.success());
            }
        }
        let made = as_postgres(&programs.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--pgdata"])
            .arg(folder.path().join("data"))
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let rules = folder.path().join("data/pg_hba.conf");
        std::fs::write(rules, "local all journal scram-sha-256\nlocal all all trust\n").expect("pg_hba.conf");
        let guard = guard(&programs, folder.path());
        let server = Self { programs, folder, server: Mutex::default(), durable, databases: AtomicU32::new(0), _guard: guard };
        server.start();
        Some(server)
    }

    /// Starts it, and waits until it answers.
    pub fn start(&self) {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).expect("a log file");
        let child = as_postgres(&self.programs.join("postgres"))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.socket())
            .args(["-c", "listen_addresses=", "-c", if self.durable { "fsync=on" } else { "fsync=off" }])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        *self.server.lock().unwrap() = Some(child);
        let began = Instant::now();
        while !Command::new(self.programs.join("pg_isready")).arg("-q").arg("-h").arg(self.socket()).status().expect("pg_isready").success()
        {
            assert!(began.elapsed() < PATIENCE, "{}", std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as a crash does: no connection is served to its end, nothing is written out.
    pub fn crash(&self) {
        let mut child = self.server.lock().unwrap().take().expect("it runs");
        signal("QUIT", &[child.id()]);
        child.wait().expect("it ends");
    }

    /// Stops all its processes in the middle of what they do: connections stay, and nobody answers.
    pub fn freeze(&self) {
        signal("STOP", &self.family());
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        signal("CONT", &self.family());
    }

    /// The process of the server and its children.
    fn family(&self) -> Vec<u32> {
        let parent = self.server.lock().unwrap().as_ref().expect("it runs").id();
        let mut pids = vec![parent];
        for entry in std::fs::read_dir("/proc").expect("/proc") {
            let Ok(pid) = entry.expect("an entry").file_name().to_string_lossy().parse::<u32>() else { continue };
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // pid (name) state ppid …; the name may hold blanks.
            let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
            if fields.and_then(|mut fields| fields.nth(1)) == Some(&parent.to_string()) {
                pids.push(pid);
            }
        }
        pids
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The URL of a database for one of its roles.
    pub fn url(&self, role: &str, database: &str) -> PostgresUrl {
        let text = format!("postgres:///{database}?host={}&user={role}&sslmode=disable", self.socket().display());
        let Ok(JournalUrl::Postgres(url)) = text.parse() else { panic!("{text} is a URL") };
        *url
    }

    /// A new, empty database.
    pub async fn database(&self) -> String {
        let name = format!("journal{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}")).await;
        name
    }

    /// A store in a new database.
    pub async fn store(&self) -> PostgresStore {
        PostgresStore::new(self.url("postgres", &self.database().await), None)
    }

    /// A connection past any store.
    pub async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url("postgres", database).to_string()).await.expect("a connection")
    }

    /// Runs statements past any store.
    pub async fn execute(&self, database: &str, sql: &str) {
        let mut connection = self.connect(database).await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("the statements run");
        connection.close().await.expect("it closes");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.server.lock().unwrap().take() {
            signal("QUIT", &[child.id()]);
            let _ = child.wait();
        }
    }
}

/// The folder of the newest server programs: on the PATH, or where Debian has them.
fn programs() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort();
    let debian = debian.into_iter().rev().map(|(_, path)| path);
    on_path
        .into_iter()
        .chain(debian)
        .find(|folder| ["initdb", "postgres", "pg_isready"].iter().all(|program| folder.join(program).exists()))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout == b"0\n"
}

/// PostgreSQL refuses to run as root; the package brings a user for it.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn signal(name: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    // One of the children may have ended meanwhile.
    let _ = Command::new("kill").arg(format!("-{name}")).args(pids).stderr(Stdio::null()).status().expect("kill");
}

/// Ends the server and removes its folder when this process ends, even by SIGKILL: the pipe closes then.
fn guard(programs: &Path, folder: &Path) -> Child {
    use std::os::unix::process::CommandExt as _;
    let script = r#"cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
[ -z "$pid" ] || { kill -CONT "$pid"; kill -QUIT "$pid"; }
rm -rf "$1""#;
    Command::new("sh")
        .args(["-c", script])
        .arg(programs)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh")
}
