//! Values: time, ids, secrets, encodings, addresses. No I/O but the clock's and the random generator's own.

pub(crate) mod encode;

mod clock;
mod entropy;
mod id;
mod network;
mod secret;
mod text;
mod time;

pub use clock::{Clock, ManualClock, SystemClock};
pub use id::{ClientId, CredentialId, KeyId, RequestId, SiteId, TokenId};
pub use network::Network;
pub use secret::Secret;
pub use time::{Lifetime, UnixTime};

#[cfg(feature = "test-hooks")]
pub use entropy::SeededEntropy;
pub use entropy::{Entropy, SystemEntropy};
pub(crate) use entropy::{PooledEntropy, system_random};
pub(crate) use id::{Epoch, Generation, GrantId, UserId};
pub(crate) use text::nfc;
