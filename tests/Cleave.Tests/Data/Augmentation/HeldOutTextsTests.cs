using Cleave.Data;
using Cleave.Data.Cleaning;

namespace Cleave.Tests.Data.Augmentation;

public sealed class HeldOutTextsTests
{
    private readonly HeldOutTexts _texts = new([
        new Example { Text = "My order number 4711 has not arrived yet, please help me find it" },
        new Example { Text = "OK" },
        new Example { Text = "ok" },
    ]);

    [Theory]
    [InlineData("my order number 4711 has NOT arrived yet please help me find it!!", true)] // but for case and punctuation
    [InlineData("My order number 4712 has not arrived yet, please help me find it", true)] // one letter of 60
    [InlineData("ok.", true)]
    [InlineData("okay", false)]
    [InlineData("My order number 4711 was quick", false)]
    [InlineData("", false)]
    public void Nearly_the_same_is_found(string text, bool near) => Assert.Equal(near, _texts.Near(text));
}
