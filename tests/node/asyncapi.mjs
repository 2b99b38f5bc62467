// Reads an AsyncAPI document on stdin and prints what the official parser finds in it, as JSON.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "info", "hint"];
const { document, diagnostics } = await new parser.Parser().parse(readFileSync(0, "utf8"));
const findings = diagnostics.map((found) => ({
  severity: SEVERITIES[found.severity],
  code: String(found.code),
  path: found.path.join("."),
  message: found.message,
}));
const channels = document === undefined ? null : document.channels().all().map((channel) => channel.address());
process.stdout.write(JSON.stringify({ channels, findings }));
