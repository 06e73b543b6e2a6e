//! The dialects: which systems' clients are answered in their own habits.

use crate::base::Lifetime;
use crate::crypto::Algorithm;
use crate::domain::client::{TokenFormat, TokenTypeCase};

/// A system whose clients work unchanged: its routes, and its habits in answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Bio Ecko: `POST /api/v1/auth/token`, RS256.
    BioEcko,
    /// NikoHealth: `POST /api/identity/connect/token`, opaque hexadecimal tokens of 1200 s.
    NikoHealth,
    /// Medblocks: `POST /oauth2/token`, `/oauth2/auth`, `bearer`, 3599.
    Medblocks,
    /// DrChrono: `/o/authorize/`, `/o/token/`, scope words of three parts.
    DrChrono,
    /// BioT: a user's login and refresh as JSON, `POST /ums/v2/users/login`.
    BioT,
}

/// What a dialect issues where the client's registration says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Habits {
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) token_format: Option<TokenFormat>,
    pub(crate) lifetime: Option<Lifetime>,
    pub(crate) token_type_case: Option<TokenTypeCase>,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BioEcko, Self::NikoHealth, Self::Medblocks, Self::DrChrono, Self::BioT];

    /// The dialect's name in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BioEcko => "bio-ecko",
            Self::NikoHealth => "nikohealth",
            Self::Medblocks => "medblocks",
            Self::DrChrono => "drchrono",
            Self::BioT => "biot",
        }
    }

    /// Reads a dialect's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == name)
    }

    /// What it issues by default.
    pub(crate) const fn habits(self) -> Habits {
        match self {
            Self::BioEcko => Habits {
                algorithm: Some(Algorithm::Rs256),
                token_format: Some(TokenFormat::Jwt),
                lifetime: None,
                token_type_case: None,
            },
            Self::NikoHealth => Habits {
                algorithm: None,
                token_format: Some(TokenFormat::OpaqueHex),
                lifetime: Some(Lifetime::seconds(1200)),
                token_type_case: None,
            },
            Self::Medblocks => Habits {
                algorithm: None,
                token_format: None,
                lifetime: Some(Lifetime::seconds(3600)),
                token_type_case: Some(TokenTypeCase::Lower),
            },
            Self::DrChrono => Habits {
                algorithm: None,
                token_format: None,
                lifetime: None,
                token_type_case: None,
            },
            Self::BioT => Habits {
                algorithm: None,
                token_format: Some(TokenFormat::Jwt),
                lifetime: Some(Lifetime::seconds(900)),
                token_type_case: None,
            },
        }
    }

    /// The scope words that come with it, each with its description.
    pub(crate) const fn scopes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::NikoHealth => &[("external", "The external API")],
            // Bio Ecko's ten words are in every catalogue from the start; Medblocks names none.
            Self::BioEcko | Self::Medblocks | Self::BioT => &[],
            Self::DrChrono => DRCHRONO_SCOPES,
        }
    }
}

/// Those that the page of DrChrono's client asks for, in its order.
const DRCHRONO_SCOPES: &[(&str, &str)] = &[
    ("labs:read", "Read lab orders and results"),
    ("labs:write", "Change lab orders and results"),
    ("messages:read", "Read messages"),
    ("messages:write", "Send and change messages"),
    ("patients:read", "Read patient demographics"),
    ("patients:write", "Change patient demographics"),
    ("patients:summary:read", "Read patient summaries"),
    ("patients:summary:write", "Change patient summaries"),
    ("settings:read", "Read the practice's settings"),
    ("settings:write", "Change the practice's settings"),
    ("tasks:read", "Read tasks"),
    ("tasks:write", "Change tasks"),
    ("user:read", "Read the profiles of users"),
    ("user:write", "Change the profiles of users"),
    ("billing:patient-payment:read", "Read patients' payments"),
    ("billing:patient-payment:write", "Change patients' payments"),
    ("billing:read", "Read invoice and payment data"),
    ("billing:write", "Change invoice and payment data"),
    ("calendar:read", "Read the calendar"),
    ("calendar:write", "Change the calendar"),
    ("clinical:read", "Read clinical notes"),
    ("clinical:write", "Change clinical notes"),
];
