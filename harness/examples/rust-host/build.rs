use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = std::env::var("TARGET")?;
    let compiler = windlass::Compiler::new().target(&target).cpu("cortex-m4").name("blink");
    windlass::build::module(&compiler, "blink.wasm", &[])?;

    // cortex-m-rt's linker script asks for the board's memory.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::copy("memory.x", out.join("memory.x"))?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rerun-if-changed=memory.x");
    Ok(())
}
