//! Servers beside memcached: one process or several, in their own way of it and in their default configuration.

use crate::service::{Service, add, ask, eventually, get};
use libtest_mimic::{Failed, Trial};
use osv_compat_tests::programs::{self, Build};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One process in the foreground, as few features as nginx can have.
const NGINX: &str = "user root root; worker_processes 1; master_process off; daemon off; pid /w/n.pid;\n\
                     error_log /w/n.err; events{} http{ access_log off; server{listen 8089; root /w/www;}}\n";
/// Where Debian keeps nginx's configuration, modules and first page.
const NGINX_FOLDERS: [&str; 6] =
    ["/etc/nginx", "/usr/share/nginx", "/usr/lib/nginx", "/var/www/html", "/var/log/nginx", "/var/lib/nginx"];
const REDIS: &[u8] = b"SET k v\r\nINCRBY n 41\r\nINCR n\r\nGET k\r\n";
const REDIS_ANSWERS: &[u8] = b"+OK\r\n:41\r\n:42\r\n$1\r\nv";
const KILLED_BY_TERM: i32 = 128 + 15;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("redis-server", || redis(Service::new("redis-server", 6379, b"PING\r\n"), &["--save", ""])),
        // With a save at the end, made by the process itself.
        trial("redis-server.default", || redis(Service::new("redis-server", 6379, b"PING\r\n"), &[])),
        trial("nginx", nginx),
        trial("iperf3", iperf3),
        trial("etcd", etcd),
    ];
    for cpus in ["1", "2"] {
        trials.push(trial(&format!("go.http.c{cpus}"), move || go_http(cpus)));
        trials.push(trial(&format!("nginx.default.c{cpus}"), move || nginx_default(cpus)));
        trials.push(trial(&format!("postgres.c{cpus}"), move || postgres(cpus)));
    }
    trials
}

fn trial(name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, test)
}

pub fn redis(service: Service, more: &[&str]) -> Result<(), Failed> {
    let service = service.args(&["--port", "6379", "--protected-mode", "no"]).args(more);
    service.serve(|server| ask(server, REDIS, REDIS_ANSWERS))
}

/// A file with `text`, to be added to an image.
fn written(name: &str, text: &str) -> Result<PathBuf, Failed> {
    let path = programs::output().join(name);
    std::fs::create_dir_all(programs::output())?;
    std::fs::write(&path, text)?;
    Ok(path)
}

fn nginx() -> Result<(), Failed> {
    let configuration = add(&written("nginx.conf", NGINX)?, "/w/nginx.conf");
    let page = add(&written("index.html", "<h1>hi</h1>\n")?, "/w/www/index.html");
    let service = Service::http("nginx", 8089).flags(&configuration).flags(&page);
    let service = service.flags(&["--add", "/var/lib/nginx"]).args(&["-c", "/w/nginx.conf"]);
    service.serve(|server| get(server, "/", "<h1>hi</h1>"))
}

/// As the package configures it: a master, and a worker for each CPU, as www-data.
fn nginx_default(cpus: &str) -> Result<(), Failed> {
    let folders = NGINX_FOLDERS.iter().filter(|folder| Path::new(folder).exists());
    let folders: Vec<&str> = folders.flat_map(|&folder| ["--add", folder]).collect();
    let service = Service::http("nginx", 80).flags(&folders).flags(&["-c", cpus]);
    service.args(&["-g", "daemon off;"]).serve(|server| {
        (0..8).try_for_each(|_| get(server, "/", "<h1>Welcome to nginx!</h1>"))?;
        get(server, "/nowhere", "404 Not Found")
    })
}

fn iperf3() -> Result<(), Failed> {
    // It serves one test and ends by itself, and a probe would be that test. The client's last byte may still be on its
    // way, in this machine's buffers, when its word that the test is over arrives on a connection of its own; the server
    // then closes without reading the rest. So it counts less than was sent, but not less than those buffers hold.
    const SENT: u64 = 32 << 20;
    const IN_BUFFERS: u64 = 16 << 20;
    let service = Service::new("iperf3", 5201, b"").unprobed().ends_alone().args(&["-s", "-1"]);
    service.serve(|server| {
        let (port, sent) = (server.port().to_string(), SENT.to_string());
        let arguments = ["-c", "127.0.0.1", "-p", &port, "-n", &sent, "-J"];
        let client = || Command::new("iperf3").args(arguments).output();
        let received = eventually("a whole test", || {
            let output = String::from_utf8(client().ok()?.stdout).ok()?;
            let (_, received) = output.split_once("\"sum_received\"")?;
            let (_, bytes) = received.split_once("\"bytes\":")?;
            bytes.split(',').next()?.trim().parse::<u64>().ok()
        })?;
        let expected = SENT - IN_BUFFERS..=SENT;
        let wrong = || format!("the server counted {received} bytes, not {expected:?}").into();
        if expected.contains(&received) { Ok(()) } else { Err(wrong()) }
    })
}

fn etcd() -> Result<(), Failed> {
    let service = Service::http("etcd", 2379).flags(&["-m", "512M"]).ends_with(KILLED_BY_TERM);
    let service = service.args(&[
        "--data-dir",
        "/w/etcd",
        "--listen-client-urls",
        "http://0.0.0.0:2379",
        "--advertise-client-urls",
        "http://127.0.0.1:2379",
    ]);
    service.serve(|server| get(server, "/version", "\"etcdserver\":\"3."))
}

fn go_http(cpus: &str) -> Result<(), Failed> {
    let program = programs::build("http.go", Build::GoStatic)?;
    let service = Service::http(program, 8099).flags(&["-c", cpus]).args(&[":8099"]);
    // Go's runtime ends by the signal itself when nothing handles it.
    service.ends_with(KILLED_BY_TERM).serve(|server| {
        get(server, "/x", "hello /x")?;
        get(server, "/twice?of=/y", "twice hello /y")?;
        get(server, "/parallel?n=200", "sum 19900")
    })
}

/// PostgreSQL's own programs: Debian puts no link to them into PATH.
fn postgres_folder() -> Result<PathBuf, Failed> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map_err(|_| "PostgreSQL is not installed")?;
    let mut folders: Vec<_> = versions.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let whole = folders.into_iter().rev().find(|folder| folder.join("bin/initdb").is_file());
    Ok(whole.ok_or("PostgreSQL's server is not installed")?)
}

/// Makes a cluster, serves it, and stops; pgbench here loads it.
fn postgres(cpus: &str) -> Result<(), Failed> {
    let folder = postgres_folder()?;
    let bin = folder.join("bin");
    let version = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut flags: Vec<String> = ["-m", "512M", "-c", cpus].map(str::to_owned).into();
    let share = PathBuf::from("/usr/share/postgresql").join(version);
    for path in [
        bin.join("initdb"),
        bin.join("postgres"),
        share,
        folder.join("lib/plpgsql.so"),
        folder.join("lib/dict_snowball.so"),
        "/usr/share/zoneinfo/UTC".into(),
    ] {
        flags.extend(["--add".to_owned(), path.display().to_string()]);
    }
    let script = programs::repository().join("compat-tests/programs/processes/postgres.sh");
    flags.extend(add(&script, "/w/postgres.sh"));
    // It refuses to be root.
    let nobody = written("nobody.toml", "uid = 65534\ngid = 65534\n")?;
    flags.extend(["--config".to_owned(), nobody.display().to_string()]);
    flags.extend(["-e".to_owned(), format!("PATH={}:/usr/bin:/bin", bin.display())]);
    let service = Service::new("/bin/sh", 5432, b"").unprobed().flags(&flags);
    service.args(&["/w/postgres.sh"]).serve(|server| {
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(bin.join(program));
            command.env("PGHOST", "127.0.0.1").env("PGPORT", server.port().to_string());
            command.env("PGUSER", "postgres").env("PGDATABASE", "postgres").args(arguments).output()
        };
        eventually("a cluster that takes connections", || {
            run("pg_isready", &["-q"]).is_ok_and(|output| output.status.success()).then_some(())
        })?;
        let expect = |program: &str, arguments: &[&str], fragment: &str| -> Result<(), Failed> {
            let output = run(program, arguments)?;
            let text = String::from_utf8_lossy(&output.stdout);
            if output.status.success() && text.contains(fragment) {
                return Ok(());
            }
            let errors = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program} {arguments:?}: {}\n{text}\n{errors}", output.status).into())
        };
        expect("pgbench", &["-i", "-q"], "")?;
        let transactions = "number of transactions actually processed: 60/60";
        expect("pgbench", &["-n", "-c", "4", "-t", "15"], transactions)?;
        // A process for each transaction.
        let transactions = "number of transactions actually processed: 10/10";
        expect("pgbench", &["-n", "-S", "-C", "-c", "2", "-t", "5"], transactions)?;
        let sums =
            "select sum(abalance) = (select sum(delta) from pgbench_history), count(*) from pgbench_accounts";
        expect("psql", &["-Atc", sums], "t|100000\n")
    })
}
