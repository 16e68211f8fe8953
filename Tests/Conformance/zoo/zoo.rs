// Rust, statically linked: the standard library's threads, sockets and processes.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

fn in_threads() -> u64 {
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(|| (1..=1_000_000u64).sum::<u64>())).collect();
    threads.into_iter().map(|one| one.join().unwrap()).sum()
}

fn over_loopback() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(connection.try_clone().unwrap()).read_line(&mut line).unwrap();
        write!(connection, "HTTP/1.0 200 OK\r\n\r\npong {}", line.split(' ').nth(1).unwrap()).unwrap();
    });
    client.write_all(b"GET /7 HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    server.join().unwrap();
    answer.split("\r\n\r\n").nth(1).unwrap().to_string()
}

fn in_a_file() -> u64 {
    fs::write("/tmp/zoo.part", vec![0u8; 1_000_000]).unwrap();
    fs::rename("/tmp/zoo.part", "/tmp/zoo").unwrap();
    let size = fs::metadata("/tmp/zoo").unwrap().len();
    fs::remove_file("/tmp/zoo").unwrap();
    size
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);
struct Block(Vec<u8>);
impl Drop for Block {
    fn drop(&mut self) {
        DROPPED.fetch_add(self.0.iter().filter(|byte| **byte == 1).count() >> 20, Ordering::Relaxed);
    }
}

fn collects() -> bool {
    for _ in 0..400 {
        drop(Block(vec![1; 1 << 20]));
    }
    DROPPED.load(Ordering::Relaxed) == 400
}

fn primes() -> usize {
    let mut sieve = vec![true; 200_000];
    (2..200_000).filter(|&i| {
        if sieve[i] {
            (i * i..200_000).step_by(i).for_each(|j| sieve[j] = false);
        }
        sieve[i]
    }).count()
}

fn main() {
    let child = Command::new("/bin/sh").args(["-c", "echo $((6 * 7)); exit 3"]).output().unwrap();
    println!(
        r#"{{"threads": {}, "child": "{}", "status": {}, "http": "{}", "file": {}, "collected": {}, "primes": {}, "processors": {}}}"#,
        in_threads(), String::from_utf8_lossy(&child.stdout).trim(), child.status.code().unwrap(), over_loopback(), in_a_file(), collects(),
        primes(), thread::available_parallelism().unwrap()
    );
}
