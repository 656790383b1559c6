"""The grounding study: from finished runs to tables, figures and a page. Needs no model and no network."""
