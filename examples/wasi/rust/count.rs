// Counts the bytes of the request's body as they come, however many they are.

use std::io::Read;

fn main() {
    let mut buffer = [0; 65536];
    let mut total: u64 = 0;
    let mut input = std::io::stdin().lock();
    loop {
        match input.read(&mut buffer).expect("reading the body") {
            0 => break,
            count => total += count as u64,
        }
    }
    println!("Content-Type: text/plain\n\n{total} bytes");
}
