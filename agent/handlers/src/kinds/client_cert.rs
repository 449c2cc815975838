//! `client-cert`: what the certificate of a client says, and whether it is one of those that are trusted.

use super::judgement::{Judgement, OnStale};
use crate::{
    certificate::Certificate,
    chain::{Decision, Found, Kind, Made, Making, OwnVariable, OwnView, Step, View},
    configuration::{Action, Status},
    expression::{Fault, List, Program, Slot, Value},
    file::Text,
    kind::{Argument, Description, Reason, Settings, Type, Variable},
};

settings! {
    /// What `client-cert` is set to.
    struct ClientCertSettings, "`client-cert`" {
        /// A condition over the variables below, without the handler's name in front of them: which certificates are `trusted`; by default all that can be read.
        trust: Option<Text>,
        /// Whether a request without a trusted certificate is denied.
        required: bool = false,
        /// A condition of the same kind: if it holds, the request is denied.
        deny: Option<Text>,
        /// A condition of the same kind: if it holds, the request is allowed, and the chain ends.
        allow: Option<Text>,
        /// The status of the answer to a request that is denied.
        status: Option<Status>,
    }
}

/// The kind `client-cert`.
pub(super) struct ClientCert;

const PRESENT: usize = 0;
const TRUSTED: usize = 1;
const ERROR: usize = 2;
/// Those of the certificate follow.
const FIRST: usize = 3;

const VARIABLES: &[Variable] = &[
    Variable::new("present", Type::Bool, "whether there is a certificate"),
    Variable::new("trusted", Type::Bool, "whether it can be read, and `trust` holds"),
    Variable::new("error", Type::Text, "why nothing is known:").one_of(&["malformed"]),
    Variable::new("subject", Type::Text, "who it is for, as `ssl_c_s_dn(,0,rfc2253)` gives it"),
    Variable::new("cn", Type::Text, "the common name of the subject"),
    Variable::new("organization", Type::Text, "the organization of the subject"),
    Variable::new("issuer", Type::Text, "who has signed it, as `ssl_c_i_dn(,0,rfc2253)` gives it"),
    Variable::new("issuer_cn", Type::Text, "the common name of the issuer"),
    Variable::new("serial", Type::Text, "its serial number, as `ssl_c_serial,hex` gives it"),
    Variable::new("sha1", Type::Text, "its fingerprint, as `ssl_c_sha1,hex` gives it"),
    Variable::new("sha256", Type::Text, "its fingerprint, as `ssl_c_der,sha2(256),hex` gives it"),
    Variable::new("not_before", Type::Int, "from when on it is valid, in seconds since 1970"),
    Variable::new("not_after", Type::Int, "until when it is valid, in seconds since 1970"),
    Variable::new("spiffe", Type::Text, "its SPIFFE ID: the only URI, if that is one"),
    Variable::new("dns", Type::Text, "the names of hosts that it is for").list(),
    Variable::new("uris", Type::Text, "the URIs that it is for").list(),
    Variable::new("emails", Type::Text, "the mail addresses that it is for").list(),
    Variable::new("ips", Type::Ip, "the addresses that it is for").list(),
];

const DESCRIPTION: Description = Description {
    name: "client-cert",
    summary: "Reads the client's certificate, which HAProxy has verified, and denies by what it says.",
    arguments: &[Argument::new("cert", Type::Binary, "ssl_c_der", "certificate of the client")],
    variables: VARIABLES,
    reasons: &[
        Reason::new("no_certificate", "there is none, and it is `required`"),
        Reason::new("untrusted", "it is `required`, and `trust` does not hold"),
        Reason::new("malformed", "it is `required`, and cannot be read"),
        Reason::new("certificate", "`deny` holds"),
        Reason::new("allowed", "`allow` holds"),
    ],
    settings: ClientCertSettings::SETTINGS,
    example: r#"
[handler.peer]
kind = "client-cert"
trust = "spiffe in ['spiffe://example.com/billing', 'spiffe://example.com/shop']"
required = true
"#,
};

impl Kind for ClientCert {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: ClientCertSettings = making.settings()?;
        let cert = making.argument("cert");
        let variables: Vec<_> = VARIABLES.iter().map(OwnVariable::of).collect();
        let trust = match &settings.trust {
            Some(trust) => making.own_condition(trust, &variables).map(Some),
            None => Some(None),
        };
        let conditions = (settings.allow.as_ref(), settings.deny.as_ref());
        let common = (OnStale::Use, settings.status.map(u16::from));
        let judgement = Judgement::read(conditions, common, &variables, making)?;
        let mut decides = judgement.decides();
        if settings.required {
            decides.add(Action::Deny, settings.status.map(u16::from));
        }
        let is_required = settings.required;
        let step = Reading { cert: cert?, trust: trust?, is_required, judgement };
        Some(Made { step: Box::new(step), variables, decides })
    }
}

struct Reading {
    cert: Slot,
    trust: Option<Program>,
    is_required: bool,
    judgement: Judgement,
}

/// The variables, in their order.
type Own = [Option<Value<'static>>; VARIABLES.len()];

impl Step for Reading {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let mut own = [const { None }; VARIABLES.len()];
        // HAProxy sends no bytes at all for a client without a certificate, or nothing.
        let der = view.bytes(self.cert).filter(|der| !der.is_empty());
        let refusal = self.look(der.as_deref(), view, &mut own);
        let decided = match refusal {
            Ok(Some(reason)) if self.is_required => Ok(Some(self.judgement.denied(reason))),
            Ok(_) if own[ERROR].is_some() => Err(Fault::Conversion),
            Ok(_) => {
                self.judgement.decide(&OwnView::of_values(&own, view), (true, false), "certificate")
            }
            Err(fault) => Err(fault),
        };
        for (at, value) in own.into_iter().enumerate() {
            if let Some(value) = value {
                found.set(at, value);
            }
        }
        decided
    }
}

impl Reading {
    /// Fills the variables; why the certificate is not trusted.
    fn look(
        &self,
        der: Option<&[u8]>,
        view: &View<'_, '_>,
        own: &mut Own,
    ) -> Result<Option<&'static str>, Fault> {
        own[PRESENT] = Some(Value::Bool(der.is_some()));
        own[TRUSTED] = Some(Value::Bool(false));
        let Some(der) = der else { return Ok(Some("no_certificate")) };
        let Ok(certificate) = Certificate::read(der) else {
            own[ERROR] = Some(Value::text("malformed"));
            return Ok(Some("malformed"));
        };
        for (place, value) in own[FIRST..].iter_mut().zip(values(certificate)) {
            *place = value;
        }
        let is_trusted = self
            .trust
            .as_ref()
            // A condition without a value trusts nobody: a name that it asks for may not be there.
            .is_none_or(|trust| trust.test(&OwnView::of_values(own, view)) == Ok(true));
        own[TRUSTED] = Some(Value::Bool(is_trusted));
        Ok((!is_trusted).then_some("untrusted"))
    }
}

/// What a certificate says, in the order of the variables.
fn values(certificate: Certificate) -> [Option<Value<'static>>; VARIABLES.len() - FIRST] {
    let spiffe = certificate.spiffe().map(str::to_owned);
    let ips = certificate.ips.into_iter().map(Value::Ip).collect::<Vec<_>>();
    [
        Some(text(certificate.subject)),
        certificate.common_name.map(text),
        certificate.organization.map(text),
        Some(text(certificate.issuer)),
        certificate.issuer_name.map(text),
        Some(text(certificate.serial)),
        Some(text(certificate.sha1)),
        Some(text(certificate.sha256)),
        Some(Value::Int(certificate.not_before)),
        Some(Value::Int(certificate.not_after)),
        spiffe.map(text),
        texts(certificate.dns),
        texts(certificate.uris),
        texts(certificate.emails),
        (!ips.is_empty()).then_some(Value::List(List::Owned(ips))),
    ]
}

fn text(text: String) -> Value<'static> {
    Value::Text(text.into())
}

fn texts(all: Vec<String>) -> Option<Value<'static>> {
    let all: Vec<_> = all.into_iter().map(text).collect();
    (!all.is_empty()).then_some(Value::List(List::Owned(all)))
}
