// The services of hand_written.py in JavaScript, line by line: node hand_written.js SERVICES.
"use strict";

const cdk = require("aws-cdk-lib");
const acm = require("aws-cdk-lib/aws-certificatemanager");
const cloudwatch = require("aws-cdk-lib/aws-cloudwatch");
const ec2 = require("aws-cdk-lib/aws-ec2");
const ecs = require("aws-cdk-lib/aws-ecs");
const elbv2 = require("aws-cdk-lib/aws-elasticloadbalancingv2");
const iam = require("aws-cdk-lib/aws-iam");
const logs = require("aws-cdk-lib/aws-logs");

const SERVICES_PER_STACK = 10;
const CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0f5a2d8c-0000-4000-8000-000000000000";
const IMAGE = "public.ecr.aws/docker/library/python:3.13-slim";
const ERROR_RATE =
  "MAX([" +
  "IF(FILL(rb,0)>20,100*(FILL(eb,0)+FILL(cb,0))/IF(FILL(rb,0)>0,FILL(rb,0),1),0)," +
  "IF(FILL(rg,0)>20,100*(FILL(eg,0)+FILL(cg,0))/IF(FILL(rg,0)>0,FILL(rg,0),1),0)," +
  "IF(FILL(rb,0)+FILL(rg,0)>20,100*(FILL(eb,0)+FILL(cb,0)+FILL(eg,0)+FILL(cg,0)+FILL(xl,0))" +
  "/IF(FILL(rb,0)+FILL(rg,0)>0,FILL(rb,0)+FILL(rg,0),1),0)" +
  "])";
const LATENCY = "MAX([IF(FILL(rb,0)>20,FILL(lb,0),0),IF(FILL(rg,0)>20,FILL(lg,0),0)])";
const UNHEALTHY = "FILL(ub,0)+FILL(ug,0)";

function surroundings(app, id) {
  const stack = new cdk.Stack(app, id, { env: { account: "111122223333", region: "eu-west-1" } });
  const vpc = ec2.Vpc.fromVpcAttributes(stack, "Vpc", {
    vpcId: "vpc-0a1b2c3d4e5f60718",
    availabilityZones: ["eu-west-1a", "eu-west-1b"],
    publicSubnetIds: ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    privateSubnetIds: ["subnet-0000000000000000c", "subnet-0000000000000000d"],
    vpcCidrBlock: "10.0.0.0/16",
  });
  const cluster = ecs.Cluster.fromClusterAttributes(stack, "Cluster", { clusterName: "platform", vpc });
  const certificate = acm.Certificate.fromCertificateArn(stack, "Certificate", CERTIFICATE);
  return { stack, vpc, cluster, certificate };
}

function makeService(into, id) {
  const stack = into.stack;
  const definition = new ecs.FargateTaskDefinition(stack, `${id}Task`, {
    cpu: 256,
    memoryLimitMiB: 512,
    runtimePlatform: {
      cpuArchitecture: ecs.CpuArchitecture.X86_64,
      operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    },
  });
  definition.addContainer("app", {
    image: ecs.ContainerImage.fromRegistry(IMAGE),
    portMappings: [{ containerPort: 8080 }],
    stopTimeout: cdk.Duration.seconds(30),
    logging: ecs.LogDrivers.awsLogs({
      streamPrefix: id,
      logGroup: new logs.LogGroup(stack, `${id}Logs`, {
        retention: logs.RetentionDays.THREE_MONTHS,
        removalPolicy: cdk.RemovalPolicy.DESTROY,
      }),
    }),
  });
  definition.applyRemovalPolicy(cdk.RemovalPolicy.RETAIN);
  const balancer = new elbv2.ApplicationLoadBalancer(stack, `${id}LoadBalancer`, {
    vpc: into.vpc,
    internetFacing: true,
    dropInvalidHeaderFields: true,
  });
  const listener = balancer.addListener("Https", {
    port: 443,
    certificates: [into.certificate],
    sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS,
    defaultAction: elbv2.ListenerAction.fixedResponse(404, {
      contentType: "text/plain",
      messageBody: "no service answers this host and path\n",
    }),
  });
  balancer.addRedirect();
  cdk.Validations.of(balancer).acknowledge(
    { id: "AwsSolutions::AwsSolutions-EC23", reason: "a public service" },
    { id: "AwsSolutions::AwsSolutions-ELB2", reason: "the platform team has no bucket yet" },
  );
  const blue = targetGroup(into, `${id}Blue`);
  const green = targetGroup(into, `${id}Green`);
  const forward = elbv2.ListenerAction.weightedForward([
    { targetGroup: blue, weight: 100 },
    { targetGroup: green, weight: 0 },
  ]);
  const productionRule = new elbv2.ApplicationListenerRule(stack, `${id}Production`, {
    listener,
    priority: 100,
    conditions: [elbv2.ListenerCondition.pathPatterns(["/*"])],
    action: forward,
  });
  const headerValue = cdk.Fn.select(2, cdk.Fn.split("/", cdk.Aws.STACK_ID));
  const testRule = new elbv2.ApplicationListenerRule(stack, `${id}Test`, {
    listener,
    priority: 99,
    conditions: [elbv2.ListenerCondition.httpHeader("x-bluegreen-test", [headerValue])],
    action: forward,
  });
  const role = new iam.Role(stack, `${id}Role`, {
    assumedBy: new iam.ServicePrincipal("ecs.amazonaws.com"),
    inlinePolicies: {
      MoveTraffic: new iam.PolicyDocument({
        statements: [
          new iam.PolicyStatement({
            actions: ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
            resources: [blue.targetGroupArn, green.targetGroupArn],
          }),
          new iam.PolicyStatement({
            actions: ["elasticloadbalancing:ModifyRule"],
            resources: [productionRule.listenerRuleArn, testRule.listenerRuleArn],
          }),
          new iam.PolicyStatement({
            actions: [
              "elasticloadbalancing:DescribeListeners",
              "elasticloadbalancing:DescribeRules",
              "elasticloadbalancing:DescribeTargetGroups",
              "elasticloadbalancing:DescribeTargetHealth",
            ],
            resources: ["*"],
          }),
        ],
      }),
    },
  });
  cdk.Validations.of(role).acknowledge({
    id: "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
    reason: "Describe calls take no resource",
  });
  const service = new ecs.FargateService(stack, id, {
    cluster: into.cluster,
    taskDefinition: definition,
    desiredCount: 2,
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
    healthCheckGracePeriod: cdk.Duration.seconds(60),
    propagateTags: ecs.PropagatedTagSource.SERVICE,
    enableECSManagedTags: true,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
    deploymentStrategy: ecs.DeploymentStrategy.CANARY,
    canaryConfiguration: { stepPercent: 10, stepBakeTime: cdk.Duration.minutes(5) },
    bakeTime: cdk.Duration.minutes(10),
    circuitBreaker: { rollback: true },
    deploymentAlarms: {
      alarmNames: alarms(stack, id, balancer, blue, green),
      behavior: ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
    },
  });
  service
    .loadBalancerTarget({
      containerName: "app",
      containerPort: 8080,
      alternateTarget: new ecs.AlternateTarget("Alternate", {
        alternateTargetGroup: green,
        productionListener: ecs.ListenerRuleConfiguration.applicationListenerRule(productionRule),
        testListener: ecs.ListenerRuleConfiguration.applicationListenerRule(testRule),
        role,
      }),
    })
    .attachToApplicationTargetGroup(blue);
  service.node.defaultChild.addPropertyOverride("DeploymentConfiguration.LifecycleHooks", []);
  new cdk.CfnOutput(stack, `${id}Url`, { value: `https://${balancer.loadBalancerDnsName}` });
  new cdk.CfnOutput(stack, `${id}TestHeader`, { value: `x-bluegreen-test: ${headerValue}` });
  new cdk.CfnOutput(stack, `${id}Target`, { value: `${into.cluster.clusterName}/${service.serviceName}` });
}

function targetGroup(into, id) {
  return new elbv2.ApplicationTargetGroup(into.stack, id, {
    vpc: into.vpc,
    port: 80,
    protocol: elbv2.ApplicationProtocol.HTTP,
    targetType: elbv2.TargetType.IP,
    deregistrationDelay: cdk.Duration.seconds(30),
    healthCheck: {
      path: "/",
      healthyHttpCodes: "200",
      interval: cdk.Duration.seconds(10),
      timeout: cdk.Duration.seconds(5),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 3,
    },
  });
}

function alarms(stack, id, balancer, blue, green) {
  const minute = cdk.Duration.minutes(1);
  const b = blue.metrics;
  const g = green.metrics;
  const requests = { rb: b.requestCount(), rg: g.requestCount() };
  const errorRate = new cloudwatch.Alarm(stack, `${id}ErrorRate`, {
    metric: new cloudwatch.MathExpression({
      expression: ERROR_RATE,
      period: minute,
      usingMetrics: {
        ...requests,
        eb: b.httpCodeTarget(elbv2.HttpCodeTarget.TARGET_5XX_COUNT),
        eg: g.httpCodeTarget(elbv2.HttpCodeTarget.TARGET_5XX_COUNT),
        cb: b.targetConnectionErrorCount(),
        cg: g.targetConnectionErrorCount(),
        xl: balancer.metrics.httpCodeElb(elbv2.HttpCodeElb.ELB_5XX_COUNT),
      },
    }),
    threshold: 1,
    evaluationPeriods: 5,
    datapointsToAlarm: 2,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  const latency = new cloudwatch.Alarm(stack, `${id}Latency`, {
    metric: new cloudwatch.MathExpression({
      expression: LATENCY,
      period: minute,
      usingMetrics: {
        ...requests,
        lb: b.targetResponseTime({ statistic: "p95" }),
        lg: g.targetResponseTime({ statistic: "p95" }),
      },
    }),
    threshold: 1,
    evaluationPeriods: 5,
    datapointsToAlarm: 2,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  const unhealthy = new cloudwatch.Alarm(stack, `${id}UnhealthyTargets`, {
    metric: new cloudwatch.MathExpression({
      expression: UNHEALTHY,
      period: minute,
      usingMetrics: {
        ub: b.unhealthyHostCount({ statistic: "Minimum" }),
        ug: g.unhealthyHostCount({ statistic: "Minimum" }),
      },
    }),
    threshold: 1,
    evaluationPeriods: 6,
    datapointsToAlarm: 3,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  return [errorRate.alarmName, latency.alarmName, unhealthy.alarmName];
}

const services = Number(process.argv[2]);
const app = new cdk.App();
for (let first = 0; first < Math.max(services, 1); first += SERVICES_PER_STACK) {
  const into = surroundings(app, `Stack${first / SERVICES_PER_STACK}`);
  for (let number = first; number < Math.min(first + SERVICES_PER_STACK, services); number += 1) {
    makeService(into, `Service${number}`);
  }
}
app.synth();
