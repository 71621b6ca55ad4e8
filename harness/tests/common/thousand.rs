//! A module of a thousand functions, as text.

use std::fmt::Write;

/// Functions with loops of various depth and up to 19 values live at once.
pub fn thousand() -> String {
    let mut text = String::from("(module (memory 1)\n");
    for n in 0..1000 {
        let values = 4 + n % 16;
        let _ = write!(text, "(func $f{n} (export \"f{n}\") (param $n i32) (result i32)");
        (0..values).for_each(|i| {
            let _ = write!(text, "(local $v{i} i32)");
        });
        (0..values).for_each(|i| {
            let _ = write!(text, "(local.set $v{i} (i32.load (i32.const {})))", (n + i) * 4 % 4096);
        });
        text.push_str("(loop $l ");
        (0..values).for_each(|i| {
            let (j, k) = ((i + n) % values, (i + 3) % values);
            let _ = write!(
                text,
                "(local.set $v{i} (i32.add (local.get $v{j}) (i32.xor (local.get $v{k}) (local.get $n))))"
            );
        });
        text.push_str("(br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))");
        let sum = (0..values).fold("(local.get $n)".to_owned(), |sum, i| {
            format!("(i32.add {sum} (local.get $v{i}))")
        });
        let _ = writeln!(text, "{sum})");
    }
    text + ")"
}
