"""The namespace `api.saml_response`: the documented setters of the SAML response."""

from __future__ import annotations

from collections.abc import Sequence

from worker.handlers import checks
from worker.handlers.checks import Check, DigestAlgorithm, EncryptionAlgorithm, SignatureAlgorithm
from worker.handlers.namespaces import Namespace

SamlValue = str | float | bool | None


class SamlResponse(Namespace, name="samlResponse"):
    """The SAML response that will be issued."""

    __slots__ = ()

    def set_attribute(self, attribute: str, value: SamlValue | Sequence[str | float | bool]) -> None:
        """Set an attribute of the assertion; None removes it."""
        self._record("setAttribute", ("attribute", attribute, checks.name), ("value", value, checks.scalar_or_list))

    def set_audience(self, audience: str) -> None:
        """Set the audience; the default is the issuer of the request."""
        self._set("setAudience", audience, checks.text)

    def set_recipient(self, recipient: str) -> None:
        """Set the recipient; the default is the request's assertion consumer URL."""
        self._set("setRecipient", recipient, checks.text)

    def set_create_upn_claim(self, create: bool) -> None:  # noqa: FBT001 - as in Actions
        """Create a UPN claim or not; the default is True."""
        self._set("setCreateUpnClaim", create, checks.flag)

    def set_passthrough_claims_with_no_mapping(self, passthrough: bool) -> None:  # noqa: FBT001 - as in Actions
        """Pass claims through that are not mapped, or leave them out; the default is True."""
        self._set("setPassthroughClaimsWithNoMapping", passthrough, checks.flag)

    def set_map_unknown_claims_as_is(self, as_is: bool) -> None:  # noqa: FBT001 - as in Actions
        """Pass unmapped claims through without a prefix; the default is False."""
        self._set("setMapUnknownClaimsAsIs", as_is, checks.flag)

    def set_map_identities(self, map_identities: bool) -> None:  # noqa: FBT001 - as in Actions
        """Add the provider and its access token; the default is True."""
        self._set("setMapIdentities", map_identities, checks.flag)

    def set_signature_algorithm(self, algorithm: SignatureAlgorithm) -> None:
        """Set the signature's algorithm; the default is rsa-sha256."""
        self._set("setSignatureAlgorithm", algorithm, checks.signature_algorithm)

    def set_digest_algorithm(self, algorithm: DigestAlgorithm) -> None:
        """Set the digest's algorithm; the default is sha256."""
        self._set("setDigestAlgorithm", algorithm, checks.digest_algorithm)

    def set_encryption_algorithm(self, algorithm: EncryptionAlgorithm) -> None:
        """Set the assertion's encryption; the default is aes256-cbc, aes256-gcm is better."""
        self._set("setEncryptionAlgorithm", algorithm, checks.encryption_algorithm)

    def set_destination(self, destination: str) -> None:
        """Set the destination; the default is the request's assertion consumer URL."""
        self._set("setDestination", destination, checks.text)

    def set_lifetime_in_seconds(self, seconds: int) -> None:
        """Set how long the assertion is valid; the default is 3600."""
        self._set("setLifetimeInSeconds", seconds, checks.positive)

    def set_sign_response(self, sign_response: bool) -> None:  # noqa: FBT001 - as in Actions
        """Sign the response instead of the assertion; the default is False."""
        self._set("setSignResponse", sign_response, checks.flag)

    def set_name_identifier_format(self, name_format: str) -> None:
        """Set the format of the name identifier, a URN."""
        self._set("setNameIdentifierFormat", name_format, checks.text)

    def set_name_identifier_probes(self, probes: Sequence[str]) -> None:
        """Set the attributes of which the first that has a value becomes the name identifier."""
        self._set("setNameIdentifierProbes", probes, checks.texts)

    def set_authn_context_class_ref(self, class_ref: str) -> None:
        """Set the authentication context class, a URN."""
        self._set("setAuthnContextClassRef", class_ref, checks.text)

    def set_include_attribute_name_format(self, include: bool) -> None:  # noqa: FBT001 - as in Actions
        """Infer each attribute's name format, or leave it out; the default is True."""
        self._set("setIncludeAttributeNameFormat", include, checks.flag)

    def set_typed_attributes(self, typed: bool) -> None:  # noqa: FBT001 - as in Actions
        """Infer each attribute's type, or make all xs:anyType; the default is True."""
        self._set("setTypedAttributes", typed, checks.flag)

    def set_signing_cert(self, certificate: str) -> None:
        """Set the PEM certificate that validates requests, which then must be signed."""
        self._set("setSigningCert", certificate, checks.text)

    def set_encryption_cert(self, certificate: str) -> None:
        """Set the service provider's PEM certificate that encrypts the assertion; goes with the public key."""
        self._set("setEncryptionCert", certificate, checks.text)

    def set_encryption_public_key(self, key: str) -> None:
        """Set the service provider's PEM public key that encrypts the assertion; goes with the certificate."""
        self._set("setEncryptionPublicKey", key, checks.text)

    def set_cert(self, certificate: str) -> None:
        """Sign with this PEM certificate instead of the tenant's; goes with the key."""
        self._set("setCert", certificate, checks.text)

    def set_key(self, key: str) -> None:
        """Sign with this PEM private key instead of the tenant's; goes with the certificate."""
        self._set("setKey", key, checks.text)

    def set_relay_state(self, relay_state: str) -> None:
        """Set the relay state that goes back to the service provider."""
        self._set("setRelayState", relay_state, checks.text)

    def set_issuer(self, issuer: str) -> None:
        """Set the assertion's issuer; the default is urn:auth0:TENANT."""
        self._set("setIssuer", issuer, checks.text)

    def _set(self, method: str, value: object, check: Check) -> None:
        parameter = method.removeprefix("set")
        self._record(method, (parameter, value, check))
