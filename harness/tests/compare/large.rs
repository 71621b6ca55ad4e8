//! A module of a thousand functions stays readable.

use super::Program;

#[path = "../common/thousand.rs"]
mod thousand;

#[test]
fn a_thousand_functions_fit_a_page() {
    let program = Program::new();
    std::fs::write(program.path("thousand.wat"), thousand::thousand()).unwrap();
    let table = program.output("compare thousand.wat");
    assert!(table.lines().count() < 130, "{} lines", table.lines().count());
    assert!(table.contains("\n980 more functions, "), "{table}");
    assert!(table.contains("total of 1000 functions"), "{table}");
    let args = "compare thousand.wat --regalloc ion,greedy";
    let all = program.output(&format!("{args} --top all"));
    assert!(all.lines().count() > 2000 && !all.contains("more functions"));
    assert_eq!(program.output(&format!("{args} --format csv")).lines().count(), 2001);
}
