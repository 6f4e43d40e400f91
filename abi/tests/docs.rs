//! docs/abi.md says what the tables say.

#[path = "../examples/abi_md/render.rs"]
mod render;

#[test]
fn abi_md_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/abi.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let rendered = render::document();
    let same = committed.lines().eq(rendered.lines());
    let differs = rendered.lines().zip(committed.lines()).find(|(new, old)| new != old);
    assert!(
        same,
        "docs/abi.md is out of date; first difference {differs:?}\nmake it anew: {}",
        render::COMMAND
    );
}
