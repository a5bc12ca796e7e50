"""A self-hosted referral service: domain, use cases, adapters and entrypoints."""
