// Cuts an OpenAPI description down to some operations: `node trim.mjs DESCRIPTION.json PATH …  >trimmed.json`.
//
// Schemas, parameters and answers stay whole, with everything they refer to. What goes is what no test reads:
// sentences, callbacks, other paths' parts, and extensions.
import { readFileSync } from "node:fs";

const [file, ...wanted] = process.argv.slice(2);
const source = JSON.parse(readFileSync(file, "utf8"));

/** Without sentences and extensions; a property may bear such a name, so properties are looked into one by one. */
function bare(node, areNames = false) {
  if (Array.isArray(node)) return node.map((item) => bare(item));
  if (node === null || typeof node !== "object") return node;
  const kept = Object.entries(node).filter(
    ([key]) => areNames || !(["description", "summary", "externalDocs", "callbacks", "tags"].includes(key) || key.startsWith("x-")),
  );
  return Object.fromEntries(
    kept.map(([key, value]) => {
      if (!areNames && ["example", "value", "default", "enum"].includes(key)) return [key, value];
      return [key, bare(value, !areNames && ["properties", "paths", "schemas", "responses", "examples"].includes(key))];
    }),
  );
}

/** Every reference below a node. */
function references(node) {
  if (node === null || typeof node !== "object") return [];
  const own = typeof node.$ref === "string" ? [node.$ref] : [];
  return own.concat(...Object.values(node).map(references));
}

const paths = {};
for (const path of wanted) {
  if (!source.paths[path]) throw new Error(`${file} has no ${path}`);
  paths[path] = bare(source.paths[path]);
}
const components = {};
const queue = references(paths);
for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
  const [, , kind, name] = next.split("/");
  components[kind] ??= {};
  if (components[kind][name]) continue;
  components[kind][name] = bare(source.components[kind][name]);
  queue.push(...references(components[kind][name]));
}
components.securitySchemes = bare(source.components.securitySchemes);
// A description is not whole without a sentence for each answer.
for (const operation of Object.values(paths).flatMap((item) => Object.values(item))) {
  for (const answer of Object.values(operation.responses ?? {})) if (!answer.$ref) answer.description = "";
}
for (const answer of Object.values(components.responses ?? {})) answer.description = "";

const { openapi, info, servers, security } = source;
console.log(JSON.stringify({ openapi, info, servers, security, paths, components }, null, 1));
