# Sourced by what drives the example host: builds it, and makes what its site needs.

# Needs $target, the folder of cargo. The certificate goes when the shell ends.
build_site() {
    cargo build --quiet --example host
    # Clients take https alone, and so does an issuer: a certificate of this run, which they are told to trust.
    secrets=$(mktemp -d)
    trap 'rm -r "$secrets"' EXIT
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$secrets/key.pem" -out "$secrets/certificate.pem" 2>"$secrets/log" ||
        { cat "$secrets/log" >&2; return 1; }
    export WARDKEY_HOST=$target/debug/examples/host
    export WARDKEY_TLS_KEY=$secrets/key.pem WARDKEY_TLS_CERTIFICATE=$secrets/certificate.pem
    export NODE_EXTRA_CA_CERTS=$WARDKEY_TLS_CERTIFICATE
    # Nothing here leaves this machine.
    export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1
}
