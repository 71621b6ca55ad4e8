//! A host of guest.wat: every form of import and export, through the binding alone.
#![deny(warnings)]

mod guest {
    include!("guest.rs");
}

use guest::{Caller, EnvImports, Instance, InstantiateError, Memory, MyX20hostImports, Place, Trap};

struct Env {
    time: i64,
    printed: String,
}

impl EnvImports for Env {
    fn print(&mut self, caller: &mut Caller<'_>, at: i32, len: i32) {
        let bytes = &caller.memory()[at as usize..(at + len) as usize];
        self.printed.push_str(std::str::from_utf8(bytes).unwrap());
        self.printed.push_str(&caller.count().to_string());
    }

    fn now(&mut self, _: &mut Caller<'_>) -> i64 {
        self.time
    }
}

struct Halves;

impl MyX20hostImports for Halves {
    fn pair(&mut self, _: &mut Caller<'_>, value: f32) -> (i32, f64) {
        (value as i32, f64::from(value) / 2.0)
    }
}

fn main() {
    let mut factor = 2_u32;
    let other = std::ptr::from_mut(&mut factor).cast();
    let (mut env, mut halves) = (Env { time: 1000, printed: String::new() }, Halves);
    let (mut place, mut memory) = (Place::new(), Memory::<{ guest::MEMORY_BYTES + 8 }>::new());

    // What cannot be an instance.
    let mut attempt = |time, memory: &mut [u8]| {
        let mut env = Env { time, printed: String::new() };
        let attempt =
            unsafe { Instance::instantiate(&mut place, &mut env, &mut halves, other, memory) };
        attempt.err()
    };
    let bytes = guest::MEMORY_BYTES;
    assert_eq!(attempt(1, &mut memory.0[..bytes - 1]), Some(InstantiateError::MemoryTooSmall));
    assert_eq!(attempt(1, &mut memory.0[1..=bytes]), Some(InstantiateError::MemoryMisaligned));
    let trapped = InstantiateError::Trapped(Trap::Unreachable);
    assert_eq!(attempt(0, &mut memory.0), Some(trapped));
    assert_eq!(trapped.to_string(), "initialisation trapped: unreachable");

    let instance =
        unsafe { Instance::instantiate(&mut place, &mut env, &mut halves, other, &mut memory.0) };
    let mut instance = instance.unwrap();
    assert_eq!(instance.greet(), Ok(()));
    assert_eq!(instance.r#type(21), Ok(42));
    assert_eq!(instance.divmod(17, 5), Ok((3, 2)));
    assert_eq!(instance.divmod(17, 0), Err(Trap::IntegerDivideByZero));
    assert_eq!(instance.divmod(9, 3), Ok((3, 0)), "after a trap");
    assert_eq!(instance.later(5), Ok(1005));
    assert_eq!(instance._9_x20lives(3.5), Ok((3, 1.75)));
    let pointer = std::ptr::from_ref(&trapped).cast();
    assert_eq!(unsafe { instance.echo(pointer, std::ptr::null()) }, Ok(pointer));
    assert_eq!((*instance.count(), instance.limit(), instance.handler().is_null()), (1, 7, true));
    *instance.count() = 41;
    assert_eq!(instance.r#type(1), Ok(2));
    assert_eq!(*instance.count(), 42);
    assert_eq!(instance.memory().len(), bytes);
    instance.memory()[16..21].copy_from_slice(b"HELLO");
    assert_eq!(instance.greet(), Ok(()));
    assert_eq!(unsafe { (*instance.handlers()).size }, 1);
    instance.set_stack_limit(std::ptr::without_provenance(64));
    assert_eq!(*instance.count(), 64, "the limit arrives");

    instance.set_fuel(7);
    assert_eq!(instance.fuel(), 7);
    let interrupter = guest::interrupter(&instance);
    std::thread::scope(|scope| scope.spawn(move || interrupter.interrupt()).join()).unwrap();
    assert_eq!(instance.greet(), Err(Trap::Interrupted));
    interrupter.clear();
    assert_eq!(instance.greet(), Ok(()));

    // A second one beside it.
    let (mut place, mut memory) = (Place::new(), Memory::<{ guest::MEMORY_BYTES }>::new());
    let mut second_env = Env { time: 1, printed: String::new() };
    let mut second_halves = Halves;
    let second = unsafe {
        let memory = &mut memory.0;
        Instance::instantiate(&mut place, &mut second_env, &mut second_halves, other, memory)
    };
    let mut second = second.unwrap();
    assert!(guest::as_context(&mut second) != guest::as_context(&mut instance));
    assert_eq!((second.later(1), instance.later(1)), (Ok(2), Ok(1001)));
    assert_eq!(env.printed, "hello0HELLO42HELLO64");
    println!("ok");
}
