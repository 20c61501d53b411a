// Starts `carpe lsp` for files of rules; everything else is the server's.

"use strict";

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = function () {
  const [command, ...args] = workspace.getConfiguration("carpe").get("command");
  client = new LanguageClient("carpe", "Carpe rules", { command, args }, {
    documentSelector: [
      { language: "carpe" },
      { pattern: "**/catalog.yaml" },
      { pattern: "**/messages/*.txt" },
    ],
  });
  return client.start();
};

exports.deactivate = function () {
  return client && client.stop();
};
