//! Handles: tokens that C holds instead of addresses.
//!
//! A handle is a number of 32 bits: a low bit that is set, 3 bits of kind, 6 of the library's copy, 8 of
//! slot, 14 of generation. Nothing is ever read through it, so a stale, forged or foreign one is an error
//! code and not a crash.

use crate::engine::Engine;
use crate::ffi::boundary::{Held, Log};
use crate::ffi::guard::Fault;
use crate::ffi::status::{
    WARDKEY_MISUSE_CLOSED, WARDKEY_MISUSE_FOREIGN, WARDKEY_MISUSE_FORKED, WARDKEY_MISUSE_HANDLE,
    WARDKEY_MISUSE_KIND, WARDKEY_MISUSE_NULL, WARDKEY_MISUSE_TOO_MANY,
};
use crate::ffi::types::EngineHandle;
use crate::sys;
use std::sync::{Arc, PoisonError, RwLock};

/// An open engine and what belongs to it.
pub(super) struct Open {
    // Dropped in this order: the engine, which reads the clock, before what destroys the callbacks.
    pub(super) engine: Engine,
    log: Option<Log>,
    _held: Vec<Held>,
}

impl Open {
    /// `held` is what else to destroy when the engine is gone.
    pub(super) const fn new(engine: Engine, log: Option<Log>, held: Vec<Held>) -> Self {
        Self { engine, log, _held: held }
    }

    /// Tells the host of a failure of storage or of this library.
    pub(super) fn tell(&self, fault: &Fault) {
        tell(self.log.as_ref(), fault);
    }
}

/// Tells the host's log of a fault that is not the caller's doing.
pub(super) fn tell(log: Option<&Log>, fault: &Fault) {
    if let Some(log) = log.filter(|_| fault.code >= FIRST_TOLD) {
        log.tell(fault.code, &fault.message);
    }
}

/// Sets a handle aside for an engine that is about to be opened, so that nothing is made on disk for one
/// that could not be handed out.
///
/// # Errors
/// WARDKEY_MISUSE_TOO_MANY with 256 engines open, or every slot worn out.
pub(super) fn reserve() -> Result<Reserved<'static>, Fault> {
    TABLE.reserve()
}

/// A handle that is nobody's yet; given back when it is dropped.
pub(super) struct Reserved<'a> {
    table: &'a Table,
    slot: usize,
}

impl Reserved<'_> {
    /// Gives an engine the handle.
    pub(super) fn fill(self, open: Open) -> Result<*mut EngineHandle, Fault> {
        let mut slots = self.table.slots.write().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.get_mut(self.slot).ok_or_else(unknown)?;
        slot.state = State::Open(Arc::new(open));
        let (index, generation) = (self.slot, slot.generation);
        drop(slots);
        // There is nothing to give back any more.
        std::mem::forget(self);
        let token = Token { kind: KIND_ENGINE, instance: instance(), slot: index, generation };
        Ok(std::ptr::without_provenance_mut(token.encode()))
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut slots = self.table.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get_mut(self.slot) {
            slot.state = State::Free;
        }
    }
}

/// The engine of a handle; it stays open for as long as the caller holds it.
pub(super) fn find(engine: *const EngineHandle) -> Result<Arc<Open>, Fault> {
    let token = check(engine)?;
    let slots = TABLE.slots.read().unwrap_or_else(PoisonError::into_inner);
    let slot = slots.get(token.slot).ok_or_else(unknown)?;
    slot.check(&token)?;
    match &slot.state {
        State::Open(open) => Ok(Arc::clone(open)),
        State::Free | State::Reserved => Err(closed()),
    }
}

/// Takes the engine out of the table: its handle ends.
pub(super) fn remove(engine: *const EngineHandle) -> Result<Arc<Open>, Fault> {
    let token = check(engine)?;
    let mut slots = TABLE.slots.write().unwrap_or_else(PoisonError::into_inner);
    let slot = slots.get_mut(token.slot).ok_or_else(unknown)?;
    slot.check(&token)?;
    match std::mem::replace(&mut slot.state, State::Free) {
        State::Open(open) => {
            // A slot whose generations are used up is never given out again.
            slot.generation += 1;
            Ok(open)
        }
        other @ (State::Free | State::Reserved) => {
            slot.state = other;
            Err(closed())
        }
    }
}

/// The engines of this process.
struct Table {
    slots: RwLock<Vec<Slot>>,
}

impl Table {
    const fn new() -> Self {
        Self { slots: RwLock::new(Vec::new()) }
    }

    fn reserve(&self) -> Result<Reserved<'_>, Fault> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let free = slots.iter_mut().enumerate().find(|(_, slot)| slot.is_free());
        if let Some((index, slot)) = free {
            slot.state = State::Reserved;
            return Ok(Reserved { table: self, slot: index });
        }
        if slots.len() == SLOTS {
            let message = "too many engines are open in this process: close one".to_owned();
            return Err(Fault { code: WARDKEY_MISUSE_TOO_MANY, system_code: 0, message });
        }
        slots.push(Slot { generation: first_generation(), state: State::Reserved });
        Ok(Reserved { table: self, slot: slots.len() - 1 })
    }
}

struct Slot {
    generation: usize,
    state: State,
}

enum State {
    Free,
    /// An engine is being opened.
    Reserved,
    Open(Arc<Open>),
}

impl Slot {
    const fn is_free(&self) -> bool {
        matches!(self.state, State::Free) && self.generation < GENERATIONS
    }

    fn check(&self, token: &Token) -> Result<(), Fault> {
        match token.generation.cmp(&self.generation) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err(closed()),
            std::cmp::Ordering::Greater => Err(unknown()),
        }
    }
}

/// What a handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    kind: usize,
    instance: usize,
    slot: usize,
    generation: usize,
}

impl Token {
    const fn encode(self) -> usize {
        1 | self.kind << 1 | self.instance << 4 | self.slot << 10 | self.generation << 18
    }

    fn decode(value: usize) -> Option<Self> {
        let token = Self {
            kind: value >> 1 & 7,
            instance: value >> 4 & 63,
            slot: value >> 10 & 255,
            generation: value >> 18 & (GENERATIONS - 1),
        };
        (token.encode() == value).then_some(token)
    }
}

/// Reads a handle. Before any lock: in a child of a fork a lock may be held by a thread that is not there.
fn check(engine: *const EngineHandle) -> Result<Token, Fault> {
    if engine.is_null() {
        return Err(Fault::misuse(WARDKEY_MISUSE_NULL, "engine", "is NULL"));
    }
    if sys::fork::poisoned() {
        let message = crate::error::Error::Forked.to_string();
        return Err(Fault { code: WARDKEY_MISUSE_FORKED, system_code: 0, message });
    }
    let token = Token::decode(engine.addr()).ok_or_else(unknown)?;
    if token.kind != KIND_ENGINE {
        return Err(Fault::misuse(WARDKEY_MISUSE_KIND, "engine", "is a handle of another kind"));
    }
    if token.instance != instance() {
        let why = "was made by another copy of this library in the process";
        return Err(Fault::misuse(WARDKEY_MISUSE_FOREIGN, "engine", why));
    }
    Ok(token)
}

fn unknown() -> Fault {
    Fault::misuse(WARDKEY_MISUSE_HANDLE, "engine", "is not a handle that wardkey_open made")
}

fn closed() -> Fault {
    Fault::misuse(WARDKEY_MISUSE_CLOSED, "engine", "is closed")
}

/// Six bits that tell this copy of the library from another in the same process.
fn instance() -> usize {
    place() >> FIRST_GENERATION_BITS
}

/// The generation that a slot begins with. Where six bits do not tell two copies apart, it does: the first handle of
/// one is then a closed or an unknown one to the other, and not its own first.
fn first_generation() -> usize {
    place() & ((1 << FIRST_GENERATION_BITS) - 1)
}

/// 19 bits made of where this copy of the library was loaded, in which neighbours are far apart: the upper ones of
/// the page's number times 2^64 / golden ratio.
fn place() -> usize {
    let page = u64::try_from(std::ptr::from_ref(&TABLE).addr() >> 12).unwrap_or(0);
    let spread = page.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - 6 - FIRST_GENERATION_BITS);
    usize::try_from(spread).unwrap_or(0)
}

static TABLE: Table = Table::new();

/// The one kind of handle there is. 0 is none, so that small numbers are no handles.
const KIND_ENGINE: usize = 5;
const SLOTS: usize = 256;
const GENERATIONS: usize = 1 << 14;
/// Half of the generations are left to a slot at least.
const FIRST_GENERATION_BITS: u32 = 13;

/// The first code that is not the caller's doing.
const FIRST_TOLD: i32 = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_handle_fits_32_bits_is_odd_and_reads_back(
            kind in 0_usize..8, instance in 0_usize..64, slot in 0_usize..256, generation in 0_usize..16384
        ) {
            let token = Token { kind, instance, slot, generation };
            let value = token.encode();
            prop_assert!(value <= 0xffff_ffff && value % 2 == 1);
            prop_assert_eq!(Token::decode(value), Some(token));
        }

        #[test]
        fn no_number_is_more_than_an_error(value: usize) {
            let pointer = std::ptr::without_provenance::<EngineHandle>(value);
            // Nothing was opened in this test's table under a number that chance finds.
            if Token::decode(value).is_none() {
                prop_assert!(find(pointer).is_err());
            }
        }
    }

    #[test]
    fn a_worn_out_slot_is_never_given_out_again() {
        let slot = Slot { generation: GENERATIONS, state: State::Free };
        let last = Token { kind: KIND_ENGINE, instance: 0, slot: 0, generation: GENERATIONS - 1 };
        assert_eq!(slot.check(&last).err().unwrap().code, WARDKEY_MISUSE_CLOSED);
        assert!(!slot.is_free());
    }

    // The table was once asked only when the engine was open: a database was created, and nobody could
    // have its handle.
    #[test]
    fn a_full_table_says_so_before_anything_is_opened() {
        let table = Table::new();
        let mut reserved: Vec<_> = (0..SLOTS).map(|_| table.reserve().ok().unwrap()).collect();
        assert_eq!(table.reserve().err().unwrap().code, WARDKEY_MISUSE_TOO_MANY);
        let given_back = reserved.swap_remove(100).slot;
        assert_eq!(table.reserve().ok().unwrap().slot, given_back);
    }

    #[test]
    fn a_reserved_handle_is_no_engine() {
        let reserved = reserve().ok().unwrap();
        let generation = TABLE.slots.read().unwrap()[reserved.slot].generation;
        let token =
            Token { kind: KIND_ENGINE, instance: instance(), slot: reserved.slot, generation };
        let guessed = std::ptr::without_provenance::<EngineHandle>(token.encode());
        assert_eq!(find(guessed).err().unwrap().code, WARDKEY_MISUSE_CLOSED);
        assert_eq!(remove(guessed).err().unwrap().code, WARDKEY_MISUSE_CLOSED);
    }

    #[test]
    fn a_slot_has_half_of_its_generations_before_it_and_a_copy_has_one_place() {
        assert!(instance() < 64);
        assert!(first_generation() < GENERATIONS / 2);
        let slot = TABLE.reserve().ok().unwrap().slot;
        assert!(TABLE.slots.read().unwrap()[slot].generation >= first_generation());
    }

    #[test]
    fn thirty_two_threads_use_an_engine_while_one_closes_it() {
        let folder = tempfile::tempdir().unwrap();
        let options = crate::Options::new(folder.path().join("clinic.db"));
        let anna = crate::Context::by("anna");
        Engine::create(&options, &crate::Settings::default(), &anna).unwrap();
        let open = Open::new(Engine::open(&options).unwrap(), None, Vec::new());
        let address = reserve().ok().unwrap().fill(open).ok().unwrap().addr();
        let handle = move || std::ptr::without_provenance::<EngineHandle>(address);
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(move || {
                    // Ends only because the handle does.
                    let end =
                        std::iter::repeat_with(|| find(handle()).map(|open| open.engine.now()))
                            .find_map(Result::err);
                    assert_eq!(end.unwrap().code, WARDKEY_MISUSE_CLOSED);
                });
            }
            remove(handle()).ok().unwrap().engine.close().unwrap();
        });
        assert_eq!(remove(handle()).err().unwrap().code, WARDKEY_MISUSE_CLOSED);
    }
}
