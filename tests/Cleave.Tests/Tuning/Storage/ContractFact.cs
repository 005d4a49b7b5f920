using Xunit.Abstractions;
using Xunit.Sdk;

namespace Cleave.Tests.Tuning.Storage;

/// <summary>A test that classes inherit; it is skipped, and said so, in a class that needs what is not there (<see cref="NeedsAttribute"/>).</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Cleave.Tests.Tuning.Storage.ContractFactDiscoverer", "Cleave.Tests")]
public sealed class ContractFactAttribute : FactAttribute;

/// <summary>What a test class needs of its machine.</summary>
[AttributeUsage(AttributeTargets.Class)]
public abstract class NeedsAttribute : Attribute
{
    /// <summary>Null where it is there.</summary>
    public abstract string? Missing { get; }
}

public sealed class ContractFactDiscoverer(IMessageSink diagnostics) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        [new ContractTestCase(diagnostics, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod)];
}

public sealed class ContractTestCase : XunitTestCase
{
    [Obsolete("for the framework, which reads test cases back")]
    public ContractTestCase()
    {
    }

    public ContractTestCase(IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method) : base(diagnostics, display, options, method)
    {
    }

    protected override string? GetSkipReason(IAttributeInfo factAttribute) => TestMethod.TestClass.Class.ToRuntimeType()
        .GetCustomAttributes(typeof(NeedsAttribute), inherit: true).Cast<NeedsAttribute>().Select(n => n.Missing).FirstOrDefault(m => m is not null);
}
