//! Accounts of people, their sessions, and tokens of programs. Passwords and tokens come in as hashes only.

use crate::batch::{Batch, Row};
use crate::{Store, StoreError, Write, now_ms};
use lightbox_domain::{Actor, Role};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// An account of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Argon2id hash in PHC form.
    pub password_hash: String,
    /// Whether the password was made by Lightbox and must be replaced at the first sign-in.
    pub one_time: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

/// A token of a program, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

impl Store {
    /// The account of this name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query("SELECT name, role, password_hash, one_time, created_ms FROM accounts WHERE name = $1")
            .bind(name)
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(account_of).transpose()
    }

    /// All accounts by name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query("SELECT name, role, password_hash, one_time, created_ms FROM accounts ORDER BY name")
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(account_of).collect()
    }

    /// The account whose session has this token hash and has not expired.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn session_account(&self, token_sha256: &str) -> Result<Option<Account>, StoreError> {
        let mut batch = Batch::default();
        batch
            .statement(
                "SELECT accounts.name, accounts.role, accounts.password_hash, accounts.one_time, accounts.created_ms
                 FROM sessions JOIN accounts ON accounts.name = sessions.account WHERE sessions.token_sha256 = ",
            )
            .bind(token_sha256)
            .push(" AND sessions.expires_ms > ")
            .bind(now_ms());
        let account = |row: &Row| {
            Ok(Account {
                name: row.text(0).to_owned(),
                role: parse_role(row.text(1))?,
                password_hash: row.text(2).to_owned(),
                one_time: row.integer(3) == Some(1),
                created_ms: row.integer(4).unwrap_or(0),
            })
        };
        self.read_by_key(batch).await?.first().map(account).transpose()
    }

    /// Who presents the token of this hash.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn token_actor(&self, token_sha256: &str) -> Result<Option<Actor>, StoreError> {
        let mut batch = Batch::default();
        batch.statement("SELECT name, role FROM tokens WHERE token_sha256 = ").bind(token_sha256);
        let actor = |row: &Row| Ok(Actor { name: row.text(0).to_owned(), role: parse_role(row.text(1))? });
        self.read_by_key(batch).await?.first().map(actor).transpose()
    }

    /// All tokens by name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let rows =
            sqlx::query("SELECT name, role, created_ms FROM tokens ORDER BY name").fetch_all(self.readers()).await?;
        rows.iter().map(token_of).collect()
    }
}

impl Write {
    /// Adds an account.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or when the database refuses.
    pub async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO accounts (name, role, password_hash, one_time, created_ms) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(&account.name)
        .bind(account.role.as_str())
        .bind(&account.password_hash)
        .bind(i64::from(account.one_time))
        .bind(account.created_ms)
        .execute(&mut *self.transaction)
        .await?;
        match inserted.rows_affected() {
            0 => Err(StoreError::Exists { kind: "account", id: account.name.clone() }),
            _ => Ok(()),
        }
    }

    /// Replaces a password, and ends all sessions of the account but the one with this token hash.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn set_password(
        &mut self,
        name: &str,
        password_hash: &str,
        one_time: bool,
        but_session: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE accounts SET password_hash = $1, one_time = $2 WHERE name = $3")
            .bind(password_hash)
            .bind(i64::from(one_time))
            .bind(name)
            .execute(&mut *self.transaction)
            .await?;
        sqlx::query("DELETE FROM sessions WHERE account = $1 AND token_sha256 <> $2")
            .bind(name)
            .bind(but_session)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Removes an account and its sessions. False when there is none of this name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn delete_account(&mut self, name: &str) -> Result<bool, StoreError> {
        let deleted =
            sqlx::query("DELETE FROM accounts WHERE name = $1").bind(name).execute(&mut *self.transaction).await?;
        Ok(deleted.rows_affected() == 1)
    }

    /// Adds a session that lasts until `expires_ms`, and forgets those that have expired.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert_session(
        &mut self,
        token_sha256: &str,
        account: &str,
        expires_ms: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE expires_ms <= $1")
            .bind(now_ms())
            .execute(&mut *self.transaction)
            .await?;
        sqlx::query("INSERT INTO sessions (token_sha256, account, created_ms, expires_ms) VALUES ($1, $2, $3, $4)")
            .bind(token_sha256)
            .bind(account)
            .bind(now_ms())
            .bind(expires_ms)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn delete_session(&mut self, token_sha256: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE token_sha256 = $1")
            .bind(token_sha256)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or when the database refuses.
    pub async fn insert_token(&mut self, name: &str, role: Role, token_sha256: &str) -> Result<(), StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO tokens (name, role, token_sha256, created_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(role.as_str())
        .bind(token_sha256)
        .bind(now_ms())
        .execute(&mut *self.transaction)
        .await?;
        match inserted.rows_affected() {
            0 => Err(StoreError::Exists { kind: "token", id: name.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Removes a token. False when there is none of this name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn delete_token(&mut self, name: &str) -> Result<bool, StoreError> {
        let deleted =
            sqlx::query("DELETE FROM tokens WHERE name = $1").bind(name).execute(&mut *self.transaction).await?;
        Ok(deleted.rows_affected() == 1)
    }
}

fn role_of(row: &AnyRow) -> Result<Role, StoreError> {
    parse_role(row.try_get("role")?)
}

fn parse_role(text: &str) -> Result<Role, StoreError> {
    Role::parse(text).ok_or_else(|| StoreError::row("role", text, "this release does not know it"))
}

fn account_of(row: &AnyRow) -> Result<Account, StoreError> {
    Ok(Account {
        name: row.try_get("name")?,
        role: role_of(row)?,
        password_hash: row.try_get("password_hash")?,
        one_time: row.try_get::<i64, _>("one_time")? == 1,
        created_ms: row.try_get("created_ms")?,
    })
}

fn token_of(row: &AnyRow) -> Result<Token, StoreError> {
    Ok(Token { name: row.try_get("name")?, role: role_of(row)?, created_ms: row.try_get("created_ms")? })
}
