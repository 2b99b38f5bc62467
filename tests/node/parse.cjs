// Parses an AsyncAPI document with the official parser; prints its findings and exits 1 if one is an error.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

const SEVERITIES = ["error", "warning", "info", "hint"];

new Parser().parse(readFileSync(process.argv[2], "utf8")).then(({ document, diagnostics }) => {
  for (const { severity, path, message } of diagnostics) {
    console.log(`${SEVERITIES[severity]}: ${path.join(".")}: ${message}`);
  }
  process.exitCode = document && !diagnostics.some(({ severity }) => severity === 0) ? 0 : 1;
});
