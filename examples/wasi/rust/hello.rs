// Greets whom the query names.

fn main() {
    let query = std::env::var("QUERY_STRING").unwrap_or_default();
    let name = if query.is_empty() { "world" } else { &query };
    println!("Content-Type: text/plain\n\nHello from Rust, {name}!");
}
