//! Debug information of images, as windlass, GNU and LLVM tools and a debugger read it.

use crate::common::harness_dir;
use crate::{AN386, Program, windlass};
use std::path::Path;
use std::process::Command;
use windlass::Compiler;
use windlass::image::Board;
use windlass::link::elf;
use windlass::symbolize::Symbolizer;
use windlass::value::Val;

/// Flash of this board begins at 0, which is the address of nothing that is left out.
#[test]
fn lines_are_those_of_what_is_linked() {
    let wasm = std::fs::read(harness_dir("tests/debug/app.wasm")).unwrap();
    let board = Board::known(AN386).unwrap();
    let program = Program::compiled(Compiler::new().debug_info(true), board, &wasm);
    let linked = program.link("run", &[Val::I32(5)]);
    let bytes = elf::write(&linked).unwrap();
    let symbolizer = Symbolizer::new(&bytes).unwrap();
    let symbols = ["program.element", "program.sum"];
    let mut addresses = symbols.map(|symbol| symbolizer.address(symbol).unwrap()).to_vec();
    assert!(linked.symbol("program.divide").is_none() && linked.symbol("program_divide").is_none());
    // The vector table.
    addresses.extend((0..64).step_by(4));
    let locations = symbolizer.locate(&addresses).unwrap();
    let line = |n: usize| locations[n].frames[0].line.clone().unwrap_or_default();
    assert!(line(0).starts_with("./app.c:10:"), "{}", line(0));
    assert!(line(1).starts_with("./app.c:16"), "{}", line(1));
    assert_eq!(locations[0].wasm.map(|wasm| wasm.function), Some(2));
    for vector in &locations[symbols.len()..] {
        assert!(vector.frames.iter().all(|frame| frame.line.is_none()), "{vector:?}");
        assert!(vector.wasm.is_none(), "{vector:?}");
    }
}

/// What a tool prints.
#[track_caller]
fn tool(directory: &Path, name: &str, args: &[&str]) -> String {
    let output = Command::new(name).current_dir(directory).args(args).output();
    let output = output.expect(".ci/run names the packages of this tier");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {text}{errors}");
    text
}

#[test]
#[ignore = "needs binutils for arm-none-eabi, llvm, gdb-multiarch and qemu-system-arm"]
fn debuggers_see_lines_of_images() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::copy(harness_dir("tests/debug/app.wasm"), path.join("app.wasm")).unwrap();
    for format in ["elf", "bin"] {
        let args = format!(
            "link app.wasm -g -o app.{format} --format {format} --board mps2-an386 --invoke run 5"
        );
        assert_eq!(windlass(path, &args), (Some(0), String::new(), String::new()));
    }
    tool(path, "arm-none-eabi-objcopy", &["-O", "binary", "app.elf", "elf.bin"]);
    let read = |name: &str| std::fs::read(path.join(name)).unwrap();
    assert!(read("elf.bin") == read("app.bin"));

    let verified = tool(path, "llvm-dwarfdump", &["--verify", "app.elf"]);
    assert!(verified.contains("No errors."), "{verified}");
    let names = tool(path, "arm-none-eabi-nm", &["app.elf"]);
    let element = names.lines().find(|line| line.ends_with(" app.element")).unwrap();
    let element = element.split(' ').next().unwrap();
    let place = tool(path, "arm-none-eabi-addr2line", &["-f", "-e", "app.elf", element, "0x8"]);
    let place: Vec<&str> = place.lines().collect();
    assert!(place[0] == "element" && place[1].ends_with("app.c:10"), "{place:?}");
    assert!(place[3].starts_with("??"), "{place:?}");

    let attach = "target remote | exec qemu-system-arm -M mps2-an386 -display none -monitor none \
                  -serial none -S -gdb stdio -chardev file,id=out,path=/dev/null \
                  -semihosting-config enable=on,target=native,chardev=out -kernel app.elf";
    let mut args = vec!["60", "gdb-multiarch", "-nx", "-batch", "app.elf"];
    let commands = ["set width 0", attach, "break app.c:12", "continue", "backtrace", "next"];
    commands.iter().for_each(|command| args.extend(["-ex", command]));
    let session = tool(path, "timeout", &args);
    for text in [
        "app.c, line 12.",
        "element () at app.c:12",
        " in sum () at app.c:",
        " in run () at app.c:26",
        " in __windlass_start",
        "\n13\t",
    ] {
        assert!(session.contains(text), "{text} in:\n{session}");
    }
}
