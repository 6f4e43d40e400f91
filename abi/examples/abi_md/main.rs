//! Prints docs/abi.md.

mod render;

fn main() {
    print!("{}", render::document());
}
