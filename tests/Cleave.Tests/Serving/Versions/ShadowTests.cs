using Cleave.Serving.Versions;

namespace Cleave.Tests.Serving.Versions;

[Trait("Kernels", "unused")]
public sealed class ShadowTests
{
    [Fact]
    public void A_shadow_ends_whatever_its_thread_is_doing()
    {
        // Its thread ends by itself once nothing more can come, at any moment of the end that is asked for.
        for (int i = 0; i < 3000; i++)
            new Shadow((_, _) => null).Dispose();
    }
}
