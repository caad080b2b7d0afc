// Checks a form's data against its JSON Schema. Interprets the schema: the page's policy forbids making code of it, as the
// usual validators do. Owns the sentences that say what is wrong.

import { type OutputUnit, type Schema as CfSchema, Validator } from "@cfworker/json-schema";
import {
  createErrorHandler,
  type CustomValidator,
  type ErrorTransformer,
  type RJSFSchema,
  type RJSFValidationError,
  toErrorSchema,
  type UiSchema,
  unwrapErrorHandler,
  validationDataMerge,
  type ValidatorType,
} from "@rjsf/utils";

/** These say that something below them is wrong, which says so itself. */
const ABOUT_OTHERS = new Set(["properties", "items", "$ref", "allOf", "anyOf", "oneOf", "additionalProperties", "prefixItems"]);

export function faults(schema: RJSFSchema | boolean, data: unknown, root?: RJSFSchema): OutputUnit[] {
  if (typeof schema === "boolean") return [];
  const whole = root?.$defs ? { ...schema, $defs: { ...root.$defs, ...schema.$defs } } : schema;
  // What was left empty is not there: as the body will be.
  const given = data === undefined ? undefined : JSON.parse(JSON.stringify(data));
  return new Validator(whole as CfSchema, "2020-12", false).validate(given ?? null).errors;
}

export function sentences(errors: OutputUnit[]): RJSFValidationError[] {
  const leaves = errors.filter((error) => !ABOUT_OTHERS.has(error.keyword));
  const seen = new Set<string>();
  return (leaves.length > 0 ? leaves : errors).flatMap((error) => {
    const said = sentence(error);
    const known = seen.has(said.stack!);
    seen.add(said.stack!);
    return known ? [] : [said];
  });
}

function sentence({ keyword, error, instanceLocation }: OutputUnit): RJSFValidationError {
  const path = instanceLocation.replace(/^#\/?/, "").split("/").filter(Boolean).map(unescape);
  const missing = keyword === "required" ? /"([^"]*)"/.exec(error)?.[1] : undefined;
  if (missing) path.push(missing);
  const message = missing ? "is needed" : readable(error);
  return { name: keyword, message, property: path.map((part) => `.${part}`).join(""), stack: `${path.join(".") || "The body"} ${message}` };
}

function unescape(part: string): string {
  return decodeURIComponent(part).replace(/~1/g, "/").replace(/~0/g, "~");
}

function readable(error: string): string {
  const type = /^Instance type "(.*)" is invalid\. Expected "(.*)"\.$/.exec(error);
  return type ? `is ${type[1]}, but must be ${type[2]}` : error.replace(/^(.)/, (first) => first.toLowerCase()).replace(/\.$/, "");
}

export const validator: ValidatorType = {
  isValid: (schema, data, root) => faults(schema, data, root).length === 0,
  rawValidation: <Result>(schema: RJSFSchema, data?: unknown) => ({ errors: faults(schema, data) as Result[] }),
  validateFormData(data, schema, custom?: CustomValidator, transform?: ErrorTransformer, ui?: UiSchema) {
    let errors = sentences(faults(schema, data));
    if (transform) errors = transform(errors, ui);
    const found = { errors, errorSchema: toErrorSchema(errors) };
    if (!custom) return found;
    const handler = custom(data, createErrorHandler(data), ui);
    return validationDataMerge(found, unwrapErrorHandler(handler));
  },
};
