//! A thread that borrows, an environment variable, and formatted output.

fn main() {
    let words = vec!["hi", "from", "thread"];
    let line = std::thread::scope(|scope| scope.spawn(|| words.join(" ")).join());
    println!("{} {}", line.expect("the thread returns"), std::env::args().count());
}
