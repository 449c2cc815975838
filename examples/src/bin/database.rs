//! A connection pool of a database: finds the plan of the customer with this API key.
//!
//! ```text
//! sqlite3 customers.db "CREATE TABLE customers (key TEXT PRIMARY KEY, plan TEXT NOT NULL)"
//! sqlite3 customers.db "INSERT INTO customers VALUES ('k-1', 'gold')"
//! cargo run -p spoa-examples --bin database -- --database customers.db &
//! haproxy -f examples/haproxy/database.cfg &
//! curl -H 'x-api-key: k-1' 127.0.0.1:8080          plan gold
//! ```
//!
//! Without an answer there is no variable, and HAProxy treats the customer as one without a plan.

use std::{path::PathBuf, process::ExitCode};

use deadpool_sqlite::{Config, CreatePoolError, Pool, Runtime, rusqlite::OptionalExtension};
use serde::Deserialize;
use spoa_actors::{BoxError, Registry, State, Var};
use spoa_agent::App;

const PLAN: Var = Var::transaction("plan");

#[derive(clap::Args)]
struct Own {
    /// The file of the database, with the table `customers`
    #[arg(long, value_name = "FILE")]
    database: PathBuf,
}

#[derive(Deserialize)]
struct ApiKey {
    key: String,
}

async fn look_up(
    ApiKey { key }: ApiKey,
    State(pool): State<Pool>,
) -> Result<Option<(Var, String)>, BoxError> {
    let database = pool.get().await?;
    let select = move |database: &mut deadpool_sqlite::rusqlite::Connection| {
        let query = "SELECT plan FROM customers WHERE key = ?1";
        database.query_row(query, [key], |row| row.get(0)).optional()
    };
    let plan: Option<String> =
        database.interact(select).await.map_err(|error| error.to_string())??;
    Ok(plan.map(|plan| (PLAN, plan)))
}

fn registry(own: Own) -> Result<Registry, CreatePoolError> {
    let pool = Config::new(own.database).create_pool(Runtime::Tokio1)?;
    Ok(Registry::new().state(pool).on("look-up-customer", look_up))
}

fn main() -> ExitCode {
    App::new("database")
        .about("Looks up the plan of a customer")
        .example("look-up-customer key=k-1")
        .options(registry)
        .run()
}
