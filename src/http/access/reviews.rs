//! Reviews by the API server: authentication and authorization of callers.

use super::credential::Credential;
use super::proof::Proof;
use super::token::{Token, audience};
use chrono::Utc;
use futures::future::{BoxFuture, FutureExt as _};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, PostParams};
use std::collections::BTreeMap;

/// A user as the API server authenticates them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Name, such as `system:serviceaccount:monitoring:grafana`.
    pub name: String,
    /// Identity that outlives a name.
    pub uid: Option<String>,
    /// Groups, such as `system:authenticated`.
    pub groups: Vec<String>,
    /// Further attributes that the authenticator passes to the authorizer.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What is accessed: all objects of a kind, those of a namespace, or one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Verb, such as `get`.
    pub verb: &'static str,
    /// API group.
    pub group: &'static str,
    /// Plural of the kind.
    pub resource: &'static str,
    /// Namespace, or all.
    pub namespace: Option<String>,
    /// Name, or all.
    pub name: Option<String>,
}

/// The reviews that access control needs. The API server answers them; unit tests have their own implementation.
pub trait Reviews: Send + Sync {
    /// The user of a credential; `None` when the API server does not accept it.
    fn user<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<Option<User>, kube::Error>>;

    /// Whether the user may access the target.
    fn may<'a>(&'a self, user: &'a User, target: &'a Target) -> BoxFuture<'a, Result<bool, kube::Error>>;

    /// Whether the user may `verb`, such as `get`, a path that is no resource of the API server.
    fn may_open<'a>(&'a self, user: &'a User, verb: &'static str, path: &'static str) -> BoxFuture<'a, Result<bool, kube::Error>>;

    /// Creation time of a namespace in Unix seconds; `None` when it does not exist.
    fn namespace_since<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Result<Option<i64>, kube::Error>>;
}

/// TokenReview, SubjectAccessReview and CertificateSigningRequests of an API server.
pub struct ApiServer {
    client: Client,
    namespace: String,
}

impl ApiServer {
    /// Asks for the operator that runs in this namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned() }
    }

    async fn bearer(&self, token: &Token) -> Result<Option<User>, kube::Error> {
        // A token with the audience of this operator is of no use elsewhere. Any other token must be valid for the API server
        // itself, as with kubectl.
        let ours = Some(audience(&self.namespace)).filter(|audience| token.claims(audience));
        let spec = TokenReviewSpec { token: Some(token.secret().to_owned()), audiences: ours.clone().map(|audience| vec![audience]) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let reviewed = Api::<TokenReview>::all(self.client.clone()).create(&PostParams::default(), &review).await?;
        let status = reviewed.status.unwrap_or_default();
        // An authenticator that does not know audiences returns none.
        let intended = ours.is_none_or(|ours| status.audiences.is_some_and(|audiences| audiences.contains(&ours)));
        let user = status.user.filter(|_| intended && status.authenticated == Some(true));
        Ok(user.map(|user| User {
            name: user.username.unwrap_or_default(),
            uid: user.uid,
            groups: user.groups.unwrap_or_default(),
            extra: user.extra.unwrap_or_default(),
        }))
    }

    async fn creator(&self, proof: &Proof) -> Result<Option<User>, kube::Error> {
        let found = Api::<CertificateSigningRequest>::all(self.client.clone()).get_opt(proof.name()).await?;
        Ok(found.and_then(|object| proof.creator(object, &self.namespace, Utc::now())))
    }

    async fn allows(&self, user: &User, question: SubjectAccessReviewSpec) -> Result<bool, kube::Error> {
        let spec = SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: user.uid.clone(),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()),
            ..question
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let reviewed = Api::<SubjectAccessReview>::all(self.client.clone()).create(&PostParams::default(), &review).await?;
        Ok(reviewed.status.is_some_and(|status| status.allowed))
    }
}

impl Reviews for ApiServer {
    fn user<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<Option<User>, kube::Error>> {
        match credential {
            Credential::Token(token) => self.bearer(token).boxed(),
            Credential::Proof(proof) => self.creator(proof).boxed(),
        }
    }

    fn may<'a>(&'a self, user: &'a User, target: &'a Target) -> BoxFuture<'a, Result<bool, kube::Error>> {
        async move {
            let attributes = ResourceAttributes {
                verb: Some(target.verb.to_owned()),
                group: Some(target.group.to_owned()),
                resource: Some(target.resource.to_owned()),
                namespace: target.namespace.clone(),
                name: target.name.clone(),
                ..ResourceAttributes::default()
            };
            self.allows(user, SubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() }).await
        }
        .boxed()
    }

    fn may_open<'a>(&'a self, user: &'a User, verb: &'static str, path: &'static str) -> BoxFuture<'a, Result<bool, kube::Error>> {
        async move {
            let attributes = NonResourceAttributes { verb: Some(verb.to_owned()), path: Some(path.to_owned()) };
            self.allows(user, SubjectAccessReviewSpec { non_resource_attributes: Some(attributes), ..Default::default() }).await
        }
        .boxed()
    }

    fn namespace_since<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Result<Option<i64>, kube::Error>> {
        async move {
            let found = Api::<Namespace>::all(self.client.clone()).get_metadata_opt(namespace).await?;
            Ok(found.and_then(|namespace| namespace.metadata.creation_timestamp).map(|created| created.0.as_second()))
        }
        .boxed()
    }
}
