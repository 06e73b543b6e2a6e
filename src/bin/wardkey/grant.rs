//! `wardkey grant`: what users allowed clients.

use crate::client;
use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use serde_json::json;
use wardkey::admin::{GrantDocument, GrantList, GrantRevoke};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List grants: of a client, of a user, of both, or all
    List {
        /// Only those to this client (its id or name)
        #[arg(long)]
        client: Option<String>,
        /// Only those by this user (their id)
        #[arg(long, value_name = "USER_ID")]
        user: Option<String>,
    },
    /// End a grant, its refresh tokens and its access tokens
    Revoke {
        /// The grant
        grant_id: String,
    },
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        match self {
            Self::List { client, user } => list(session, client, user, out),
            Self::Revoke { grant_id } => {
                input.confirm(&format!("The grant {grant_id} and all its tokens end"))?;
                let grant = session.run(GrantRevoke { grant_id })?;
                out.answer(&grant, || {
                    out.line(&format!("the grant {} and all its tokens are ended", grant.grant_id))
                })
            }
        }
    }
}

fn list(
    session: &Session,
    client: Option<String>,
    user: Option<String>,
    out: &Out,
) -> Result<(), Failure> {
    let client_id = client.map(|client| client::id(session, &client)).transpose()?;
    let mut request = GrantList { client_id, user_id: user, limit: Some(1000), after: None };
    let mut grants: Vec<GrantDocument> = Vec::new();
    loop {
        let page = session.run(request.clone())?;
        grants.extend(page.grants);
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    out.answer(&json!({"grants": grants}), || {
        let rows = grants.iter().map(|grant| {
            let state = match grant.revoked_at {
                Some(at) => format!("ended {}", when::shown(at)),
                None if grant.active => format!("until {}", when::shown(grant.expires_at)),
                None => "ended".to_owned(),
            };
            vec![
                grant.grant_id.clone(),
                grant.client_id.clone(),
                grant.user_id.clone(),
                grant.scope.clone(),
                state,
            ]
        });
        out.table(&["grant id", "client", "user", "scope", "state"], rows.collect())
    })
}
