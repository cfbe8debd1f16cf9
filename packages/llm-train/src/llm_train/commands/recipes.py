"""`llm-train recipes`: list the shipped recipes, or print one."""

import argparse

from llm_tokenizer.commands.parser import Parser
from llm_train.recipes.recipe import Recipe, shipped_recipes

EXAMPLES = """\
  llm-train recipes                                    the shipped recipes
  llm-train recipes tiny > mine.toml                   one with all its fields, to make another of it
  llm-train run --recipe mine.toml --run mine          train by it
  llm-train run --help                                 what each field means, and how --set changes it
"""


def add_recipes(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("recipes", recipes, "list the shipped recipes, or print one as TOML", EXAMPLES)
    verb.add_argument("recipe", nargs="?", metavar="NAME|FILE", help="print this one, with all settings")


def recipes(options: argparse.Namespace) -> None:
    """Print the list or the recipe."""
    print(recipe_list() if options.recipe is None else Recipe.load(options.recipe).to_toml().rstrip("\n"))


def recipe_list() -> str:
    """Return the shipped recipes with a line about each."""
    loaded = [Recipe.load(name) for name in shipped_recipes()]
    width = max(len(recipe.name) for recipe in loaded) + 2
    return "recipes:\n" + "\n".join(f"  {recipe.name:<{width}}{recipe.about}" for recipe in loaded)
