using Cleave.Models;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Releases;

namespace Cleave.Tests.Splitting.Recipes;

public class RecipeTableTests
{
    private const string Begin = "<!-- table -->\n", End = "<!-- end of the table -->";

    /// <summary>The page is what the code is: on a difference the message is the table to put there.</summary>
    [Fact]
    public void The_page_of_parameters_is_that_of_the_code()
    {
        string page = File.ReadAllText(Path.Combine(Shared.Repository, "docs", "recipes.md"));
        string table = RecipeTable.Markdown(ModelFolder.LoadTransformer(BaseModel.Find(BaseModel.Starter, ".")).Spec, 1000);
        int from = page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, to = page.IndexOf(End, StringComparison.Ordinal);
        Assert.True(table == page[from..to], table);
    }

    /// <summary>No technique without a word on how a project chooses it.</summary>
    [Fact]
    public void Every_choice_is_on_the_page_of_techniques_or_of_recipes()
    {
        string pages = File.ReadAllText(Path.Combine(Shared.Repository, "docs", "techniques.md"));
        foreach (RecipeParameter parameter in RecipeParameters.All.Where(p => p.Name.StartsWith("ngram_", StringComparison.Ordinal) is false))
            Assert.Contains($"`{parameter.Key}", pages, StringComparison.Ordinal);
    }
}
