// Package shared holds what at least two functions need. The map:
//
//	service      run a function: configuration, log, telemetry, health, drain
//	web          the HTTP edge: operations, problems, preconditions, cursors, streams
//	auth         bearer token -> caller and scopes
//	fault        errors that a caller may see
//	event        the event contract: types, schemas, CloudEvents in and out
//	outbox       events in the transaction of the change; claims for the relay
//	idempotency  answers under an Idempotency-Key, in the same transaction
//	postgres     pool, rotating logins, transactions; testdb gives tests their own
//	schema       roles and migrations; migrate is the Job's program
//	secret       name of a secret -> value, from AWS Secrets Manager
//	money        amounts in minor units of ISO 4217 currencies
//	telemetry    OpenTelemetry, when OTEL_* asks for it
//
// A package moves here when a second function needs it, never before.
package shared
