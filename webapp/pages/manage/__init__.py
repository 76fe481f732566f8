"""What admins manage: people, exports, webhooks, the audit."""
